#pragma once
// Private to the import: a safetensors file of known layout, mapped for writing, so that features are packed straight
// into it. The bytes are those that io::write_safetensors gives for the same arrays.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "kuda/io/array.h"

namespace kuda {

struct PackedSpec {
  io::DType dtype = io::DType::f32;
  std::vector<std::int64_t> shape;
};

class PackedFile {
 public:
  /// Takes the space on the disk at once. Throws Error when there is not enough.
  PackedFile(std::filesystem::path path, const std::map<std::string, PackedSpec>& arrays);
  PackedFile(const PackedFile&) = delete;
  PackedFile& operator=(const PackedFile&) = delete;
  ~PackedFile();

  [[nodiscard]] std::byte* data(const std::string& key);
  /// Gives the pages of written bytes back to the system; they stay in the file.
  void give_back(const void* first, std::size_t bytes);
  void sync();  ///< everything is on the disk afterwards

 private:
  std::filesystem::path path_;
  std::map<std::string, std::size_t> offset_of_;
  std::byte* bytes_ = nullptr;
  std::size_t size_ = 0;
  struct Descriptor {
    int number = -1;
    ~Descriptor();
  } descriptor_;
};

}  // namespace kuda
