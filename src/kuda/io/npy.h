#pragma once
// NumPy's .npy files.
//
//   const Array audio = read_npy("audio.npy");   // shape {2199, 73}, memory-mapped

#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "kuda/io/array.h"

namespace kuda::io {

/// A .npy file (versions 1 to 3, numeric dtypes, C and Fortran order), memory-mapped; big-endian data is copied once.
/// Throws FormatError naming file and byte: truncated, a header that lies about the size, an unsupported dtype.
[[nodiscard]] Array read_npy(const std::filesystem::path& path);
/// The same from memory: `owner` keeps `bytes` alive, `name` stands for the file in messages.
[[nodiscard]] Array read_npy(std::span<const std::byte> bytes, std::shared_ptr<const void> owner,
                             const std::string& name);

}  // namespace kuda::io
