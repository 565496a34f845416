#pragma once
// safetensors: read by memory mapping, written atomically. Format: 8-byte length, JSON header, raw bytes.
//
//   const auto file = read_safetensors("model.safetensors");
//   const Array& weight = file.at("encoder.weight");

#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>

#include "kuda/io/array.h"

namespace kuda::io {

struct ArrayFile {
  std::filesystem::path path;
  std::map<std::string, Array> arrays;
  std::map<std::string, std::string> metadata;
  /// Throws FormatError naming the file, the key and the nearest key.
  [[nodiscard]] const Array& at(const std::string& key) const;
};

/// Throws FormatError naming file and byte (or header key): truncated, overlapping or lying offsets, unknown dtype.
[[nodiscard]] ArrayFile read_safetensors(const std::filesystem::path& path);
/// The same from memory (fuzzing, uploads).
[[nodiscard]] ArrayFile read_safetensors(std::span<const std::byte> bytes, std::shared_ptr<const void> owner,
                                         const std::string& name);

/// Keys in the order of the map, data aligned to 8 bytes; the same content gives the same bytes.
void write_safetensors(const std::filesystem::path& path, const std::map<std::string, Array>& arrays,
                       const std::map<std::string, std::string>& metadata = {});

}  // namespace kuda::io
