#include "kuda/io/safetensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <vector>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/base/json_place.h"
#include "kuda/base/names.h"
#include "kuda/io/layout.h"
#include "kuda/io/pickle/pickle_cursor.h"
#include "kuda/io/safetensors_layout.h"

namespace kuda::io {
namespace {

using nlohmann::json;

constexpr std::uint64_t kMaxHeader = 100'000'000;  // as the reference implementation
constexpr int kMaxDepth = 3;                       // {name: {"shape": [1]}}

/// Reads one file; keeps what every message needs.
class Reader {
 public:
  Reader(std::span<const std::byte> bytes, std::shared_ptr<const void> owner, std::string name)
      : bytes_(bytes), owner_(std::move(owner)), name_(std::move(name)) {}

  ArrayFile read() {
    const json header = parse_header();
    ArrayFile file;
    file.path = name_;
    std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges;
    for (const auto& [key, entry] : header.items()) {
      if (key == "__metadata__")
        read_metadata(entry, file.metadata);
      else
        file.arrays.emplace(key, read_array(key, entry, ranges));
    }
    check_ranges(std::move(ranges));
    return file;
  }

 private:
  [[noreturn]] void fail_at(std::uint64_t byte, const std::string& message) const {
    throw FormatError(fmt::format("{}: byte {}: {}", name_, byte, message));
  }
  [[noreturn]] void fail_key(const std::string& key, const std::string& message, const std::string& hint = {}) const {
    throw FormatError(fmt::format("{}: header key '{}': {}", name_, printable(key), message), hint);
  }

  json parse_header() {
    if (bytes_.size() < 8)
      fail_at(0, fmt::format("truncated: needs 8 bytes for the header's length, has {}", bytes_.size()));
    std::uint64_t length = 0;
    for (std::size_t i = 8; i-- > 0;) length = length << 8 | std::to_integer<std::uint64_t>(bytes_[i]);
    if (length > kMaxHeader) fail_at(0, fmt::format("a header of {} bytes: this is not a safetensors file", length));
    if (length > bytes_.size() - 8)
      fail_at(8, fmt::format("truncated: a header of {} bytes, the file has {}", length, bytes_.size() - 8));
    const auto text = bytes_.subspan(8, static_cast<std::size_t>(length));
    data_ = bytes_.subspan(8 + text.size());
    if (text.empty() || text[0] != std::byte{'{'}) fail_at(8, "the header does not start with '{'");

    std::set<std::string> keys;
    std::string fault;
    const auto watch = [&](int depth, json::parse_event_t event, json& parsed) {
      if (event == json::parse_event_t::key && depth == 1 && !keys.insert(parsed.get<std::string>()).second)
        fault = fmt::format("key '{}' comes twice", printable(parsed.get<std::string>()));
      if (depth > kMaxDepth && fault.empty()) fault = "the header is nested too deep";
      return depth <= kMaxDepth;
    };
    const auto* first = reinterpret_cast<const char*>(text.data());
    try {
      json header = json::parse(first, first + text.size(), watch);
      if (!fault.empty()) fail_at(8, fault);
      return header;
    } catch (const json::parse_error& error) {
      fail_at(8 + error.byte, std::string("the header is not JSON: ") + printable(json_fault(error)));
    } catch (const json::exception& error) {  // an integer that fits nothing
      fail_at(8, std::string("the header cannot be read: ") + printable(json_fault(error)));
    }
  }

  void read_metadata(const json& entry, std::map<std::string, std::string>& metadata) {
    if (!entry.is_object()) fail_key("__metadata__", "expected an object");
    for (const auto& [key, value] : entry.items()) {
      if (!value.is_string()) fail_key("__metadata__", fmt::format("'{}' is not text", printable(key)));
      metadata.emplace(key, value.get<std::string>());
    }
  }

  Array read_array(const std::string& key, const json& entry,
                   std::vector<std::pair<std::uint64_t, std::uint64_t>>& ranges) {
    if (!entry.is_object() || !entry.contains("dtype") || !entry.contains("shape") || !entry.contains("data_offsets"))
      fail_key(key, "expected an object with dtype, shape and data_offsets");
    Array array;
    array.dtype = dtype_of(key, entry["dtype"]);
    array.shape = numbers_of(key, "shape", entry["shape"]);
    if (array.shape.size() > kMaxDimensions) fail_key(key, fmt::format("{} dimensions", array.shape.size()));
    const auto offsets = numbers_of(key, "data_offsets", entry["data_offsets"]);
    if (offsets.size() != 2 || offsets[0] > offsets[1]) fail_key(key, "data_offsets: expected [begin, end]");
    const auto begin = static_cast<std::uint64_t>(offsets[0]), end = static_cast<std::uint64_t>(offsets[1]);
    if (end > data_.size())
      fail_key(key,
               fmt::format("data_offsets [{}, {}] go beyond the {} data bytes of the file", begin, end, data_.size()));
    const auto numel = checked_numel(array.shape, item_size(array.dtype));
    if (!numel) fail_key(key, fmt::format("impossible shape [{}]", fmt::join(array.shape, ", ")));
    const auto needed = static_cast<std::uint64_t>(*numel) * item_size(array.dtype);
    if (needed != end - begin)
      fail_key(key, fmt::format("{} needs {} bytes, data_offsets give {}", array.describe(), needed, end - begin));
    const auto content = data_.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(needed));
    if (array.dtype == DType::boolean && !are_booleans(content)) fail_key(key, "BOOL with bytes beyond 0 and 1");
    ranges.emplace_back(begin, end);
    array.strides = contiguous_strides(array.shape);
    array.data = content.data();
    array.owner = owner_;
    return array;
  }

  DType dtype_of(const std::string& key, const json& value) const {
    const std::string name = value.is_string() ? value.get<std::string>() : value.dump(-1, ' ', true);
    for (const DTypeFacts& facts : kDTypes)
      if (facts.safetensors == name) return facts.dtype;
    fail_key(key, fmt::format("dtype '{}' is not supported", printable(name)),
             name.starts_with("F8") ? "in Python: from safetensors.torch import load_file, save_file\n        "
                                      "save_file({k: x.float() for k, x in load_file('" +
                                          name_ + "').items()}, 'NEW.safetensors')"
                                    : "");
  }

  std::vector<std::int64_t> numbers_of(const std::string& key, std::string_view what, const json& values) const {
    std::vector<std::int64_t> numbers;
    if (!values.is_array()) fail_key(key, fmt::format("{}: expected a list", what));
    for (const json& value : values) {
      if (!value.is_number_unsigned() || value.get<std::uint64_t>() > std::uint64_t{INT64_MAX})
        fail_key(key, fmt::format("{}: expected a whole number", what));
      numbers.push_back(value.get<std::int64_t>());
    }
    return numbers;
  }

  /// The data belong to the arrays without overlap and without bytes that are nobody's.
  void check_ranges(std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges) const {
    const std::uint64_t start = bytes_.size() - data_.size();
    std::sort(ranges.begin(), ranges.end());
    std::uint64_t reached = 0;
    for (const auto& [begin, end] : ranges) {
      if (begin < reached) fail_at(start + begin, "two arrays overlap");
      if (begin > reached) fail_at(start + reached, fmt::format("{} bytes belong to no array", begin - reached));
      reached = end;
    }
    if (reached != data_.size())
      fail_at(start + reached, fmt::format("{} bytes belong to no array", data_.size() - reached));
  }

  std::span<const std::byte> bytes_, data_;
  std::shared_ptr<const void> owner_;
  std::string name_;
};

}  // namespace

const Array& ArrayFile::at(const std::string& key) const {
  const auto found = arrays.find(key);
  if (found != arrays.end()) return found->second;
  std::vector<std::string> known;
  for (const auto& entry : arrays) known.push_back(entry.first);
  throw FormatError(fmt::format("{}: no array '{}' among {}", path.string(), printable(key), known.size()),
                    suggestion(key, known));
}

ArrayFile read_safetensors(std::span<const std::byte> bytes, std::shared_ptr<const void> owner,
                           const std::string& name) {
  return Reader(bytes, std::move(owner), name).read();
}

ArrayFile read_safetensors(const std::filesystem::path& path) {
  const auto file = MappedFile::open(path, Mapping::private_copy);  // its arrays become tensors
  return read_safetensors(file->bytes(), file, path.string());
}

void write_safetensors(const std::filesystem::path& path, const std::map<std::string, Array>& arrays,
                       const std::map<std::string, std::string>& metadata) {
  std::map<std::string, ArraySpec> specs;
  for (const auto& [key, array] : arrays) specs[key] = {array.dtype, array.shape};
  const SafetensorsLayout layout(path, specs, metadata);
  AtomicFile file(path);
  file.write(layout.header());
  for (const std::string& key : layout.order()) {
    const Array array = make_contiguous(arrays.at(key));
    file.write(std::span(array.data, static_cast<std::size_t>(array.numel()) * item_size(array.dtype)));
  }
  file.commit();
}

}  // namespace kuda::io
