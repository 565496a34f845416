#pragma once
// Private to the writers of safetensors files: where every array of a file lies, before any of it is there.
//
//   const SafetensorsLayout layout(path, {{"values", {DType::f32, {1000, 20}}}});
//   const auto file = MappedFile::create(path, layout.size());     // or write header() and the arrays in order()

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "kuda/io/dtype.h"

namespace kuda::io {

struct ArraySpec {
  DType dtype = DType::f32;
  std::vector<std::int64_t> shape;
  [[nodiscard]] std::uint64_t bytes() const noexcept;
};

class SafetensorsLayout {
 public:
  /// Wide items first, because the format allows no gaps and every array shall be aligned to its items; then by name.
  /// Throws DataError, naming `path`, for a key or a metadata text that the format cannot hold.
  SafetensorsLayout(const std::filesystem::path& path, const std::map<std::string, ArraySpec>& arrays,
                    const std::map<std::string, std::string>& metadata = {});

  /// All bytes before the data: the length, the JSON, and spaces up to a multiple of 8.
  [[nodiscard]] const std::string& header() const noexcept { return header_; }
  [[nodiscard]] const std::vector<std::string>& order() const noexcept { return order_; }
  [[nodiscard]] std::uint64_t offset(const std::string& key) const { return header_.size() + begin_of_.at(key); }
  [[nodiscard]] std::uint64_t size() const noexcept { return header_.size() + data_size_; }  ///< of the whole file

 private:
  std::string header_;
  std::vector<std::string> order_;
  std::map<std::string, std::uint64_t> begin_of_;  ///< within the data
  std::uint64_t data_size_ = 0;
};

}  // namespace kuda::io
