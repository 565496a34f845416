#pragma once
// The remaining readers of io/: npy, npz, torch zip files, csv.

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "kuda/io/array.h"
#include "kuda/io/safetensors.h"

namespace kuda::io {

/// A .npy file (versions 1 to 3, numeric dtypes, C and Fortran order), memory-mapped.
[[nodiscard]] Array read_npy(const std::filesystem::path& path);

/// A .npz file: name (without .npy) to array; stored members are mapped, deflated ones unpacked once.
[[nodiscard]] ArrayFile read_npz(const std::filesystem::path& path);

/// A state dictionary written by Python's torch.save (zip format; .pth, .pt, pytorch_model.bin): name to array.
/// Reads a plain dict, an OrderedDict, and a dict that nests one under "state_dict" or "model".
/// The legacy (non-zip) format throws FormatError that says how to convert it.
[[nodiscard]] ArrayFile read_torch_zip(const std::filesystem::path& path);

/// A csv file with a header line (RFC 4180 quoting, UTF-8 with or without BOM, \n or \r\n).
struct CsvTable {
  std::filesystem::path path;
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;
  std::vector<std::size_t> lines;  ///< line of the file on which each row starts, for messages
  [[nodiscard]] bool has_column(std::string_view name) const noexcept;
  /// Index of a column. Throws DataError naming the file, the column and the columns found.
  [[nodiscard]] std::size_t column(std::string_view name) const;
};
[[nodiscard]] CsvTable read_csv(const std::filesystem::path& path);
/// One csv line with quoting where needed, ending in \n.
[[nodiscard]] std::string csv_line(const std::vector<std::string>& cells);

}  // namespace kuda::io
