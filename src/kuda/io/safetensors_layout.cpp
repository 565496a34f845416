#include "kuda/io/safetensors_layout.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "kuda/base/error.h"

namespace kuda::io {

std::uint64_t ArraySpec::bytes() const noexcept {
  std::uint64_t bytes = item_size(dtype);
  for (const auto length : shape) bytes *= static_cast<std::uint64_t>(length);
  return bytes;
}

SafetensorsLayout::SafetensorsLayout(const std::filesystem::path& path, const std::map<std::string, ArraySpec>& arrays,
                                     const std::map<std::string, std::string>& metadata) {
  for (const auto& [key, spec] : arrays) {
    if (key == "__metadata__") throw DataError(path.string() + ": '__metadata__' cannot name an array");
    order_.push_back(key);
  }
  const auto width = [&](const std::string& key) { return item_size(arrays.at(key).dtype); };
  std::sort(order_.begin(), order_.end(), [&](const std::string& left, const std::string& right) {
    return width(left) != width(right) ? width(left) > width(right) : left < right;
  });
  auto json = nlohmann::json::object();
  if (!metadata.empty()) json["__metadata__"] = metadata;
  for (const std::string& key : order_) {
    const ArraySpec& spec = arrays.at(key);
    begin_of_[key] = data_size_;
    data_size_ += spec.bytes();
    json[key] = {{"dtype", facts_of(spec.dtype).safetensors},
                 {"shape", spec.shape},
                 {"data_offsets", {begin_of_[key], data_size_}}};
  }
  std::string text;
  try {
    text = json.dump();
  } catch (const nlohmann::json::exception&) {
    throw DataError(path.string() + ": a key or a metadata text is not UTF-8");
  }
  text.append((8 - text.size() % 8) % 8, ' ');
  for (std::size_t i = 0; i < 8; ++i) header_ += static_cast<char>(text.size() >> (8 * i) & 0xffU);
  header_ += text;
}

}  // namespace kuda::io
