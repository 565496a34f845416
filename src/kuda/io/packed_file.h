#pragma once
// A safetensors file of known layout, mapped for writing, so that arrays are made where they will lie. The bytes are
// those that write_safetensors gives for the same arrays.

#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "kuda/base/file.h"
#include "kuda/io/safetensors_layout.h"

namespace kuda::io {

class PackedFile {
 public:
  /// Takes the space on the disk at once. Throws Error when there is not enough.
  PackedFile(const std::filesystem::path& path, const std::map<std::string, ArraySpec>& arrays);

  [[nodiscard]] std::byte* data(const std::string& key) { return file_->writable() + layout_.offset(key); }
  /// See MappedFile.
  void give_back(const void* first, const void* last) const noexcept { file_->give_back(first, last); }
  void sync() { file_->sync(); }

 private:
  SafetensorsLayout layout_;
  std::shared_ptr<MappedFile> file_;
};

}  // namespace kuda::io
