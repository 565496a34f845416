#pragma once
// What a file or folder holds, before and apart from judging it: also for files that are no data set yet.
//
//   const FileSchema schema = inspect_file("unaligned_50.pkl");
//   std::cout << schema.text();

#include <array>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace kuda {

struct SchemaKey {
  std::string name;                    ///< "audio"
  std::array<std::string, 3> content;  ///< per split: "[1284, 375, 5] float32", "list of 1284 (text)", "" when absent
  bool is_known = true;                ///< false: the loader passes it over
};

struct FileSchema {
  std::string source, kind;  ///< kind: "pickle (MMSA layout)", "prepared folder"
  std::vector<SchemaKey> keys;
  std::vector<std::string> facts;  ///< lines: published set recognised, alignment, lengths, zero frames, labels
  std::string problem;             ///< why it cannot be opened as a data set; "" when it can
  [[nodiscard]] std::string text() const;
  [[nodiscard]] std::string json() const;
};

/// Throws FormatError when the bytes cannot be read at all.
[[nodiscard]] FileSchema inspect_file(const std::filesystem::path& path);

}  // namespace kuda
