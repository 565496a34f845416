#include "kuda/io/safetensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <vector>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/base/names.h"
#include "kuda/io/layout.h"
#include "kuda/io/pickle/pickle_cursor.h"

namespace kuda::io {
namespace {

using nlohmann::json;

constexpr std::uint64_t kMaxHeader = 100'000'000;  // as the reference implementation
constexpr int kMaxDepth = 3;                       // {name: {"shape": [1]}}

struct TypeName {
  std::string_view name;
  DType dtype;
};
constexpr std::array<TypeName, 13> kTypeNames{{{"BOOL", DType::boolean},
                                               {"U8", DType::u8},
                                               {"I8", DType::i8},
                                               {"U16", DType::u16},
                                               {"I16", DType::i16},
                                               {"U32", DType::u32},
                                               {"I32", DType::i32},
                                               {"U64", DType::u64},
                                               {"I64", DType::i64},
                                               {"F16", DType::f16},
                                               {"BF16", DType::bf16},
                                               {"F32", DType::f32},
                                               {"F64", DType::f64}}};

std::string_view type_name(DType dtype) {
  return std::find_if(kTypeNames.begin(), kTypeNames.end(), [&](const TypeName& t) { return t.dtype == dtype; })->name;
}

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
  [[noreturn]] void fail_key(const std::string& key, const std::string& message) const {
    throw FormatError(fmt::format("{}: header key '{}': {}", name_, printable(key), message));
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
      fail_at(8 + error.byte, std::string("the header is not JSON: ") + printable(error.what()));
    } catch (const json::exception& error) {  // an integer that fits nothing
      fail_at(8, std::string("the header cannot be read: ") + printable(error.what()));
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
    for (const TypeName& type : kTypeNames)
      if (type.name == name) return type.dtype;
    fail_key(key, fmt::format("dtype '{}' is not supported", printable(name)));
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

/// Header text padded with spaces so that the data start at a multiple of 8.
std::string make_header(const std::map<std::string, Array>& arrays, const std::map<std::string, std::uint64_t>& offsets,
                        const std::map<std::string, std::string>& metadata, const std::filesystem::path& path) {
  json header = json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  for (const auto& [key, array] : arrays) {
    const auto begin = offsets.at(key);
    header[key] = {
        {"dtype", type_name(array.dtype)},
        {"shape", array.shape},
        {"data_offsets", {begin, begin + static_cast<std::uint64_t>(array.numel()) * item_size(array.dtype)}}};
  }
  try {
    std::string text = header.dump();
    text.append((8 - text.size() % 8) % 8, ' ');
    return text;
  } catch (const json::exception&) {
    throw DataError(path.string() + ": a key or a metadata text is not UTF-8");
  }
}

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
  const auto file = MappedFile::open(path);
  return read_safetensors(file->bytes(), file, path.string());
}

void write_safetensors(const std::filesystem::path& path, const std::map<std::string, Array>& arrays,
                       const std::map<std::string, std::string>& metadata) {
  // Wide items first: the format allows no gaps, and so every array is aligned to its item size.
  std::vector<std::string> order;
  for (const auto& [key, array] : arrays) {
    if (key == "__metadata__") throw DataError(path.string() + ": '__metadata__' cannot name an array");
    order.push_back(key);
  }
  const auto width = [&](const std::string& key) { return item_size(arrays.at(key).dtype); };
  std::sort(order.begin(), order.end(), [&](const std::string& left, const std::string& right) {
    return width(left) != width(right) ? width(left) > width(right) : left < right;
  });
  std::map<std::string, std::uint64_t> offsets;
  std::uint64_t next = 0;
  for (const std::string& key : order) {
    offsets[key] = next;
    next += static_cast<std::uint64_t>(arrays.at(key).numel()) * item_size(arrays.at(key).dtype);
  }
  const std::string header = make_header(arrays, offsets, metadata, path);
  std::string length(8, '\0');
  for (std::size_t i = 0; i < 8; ++i) length[i] = static_cast<char>(header.size() >> (8 * i) & 0xffU);

  AtomicFile file(path);
  file.write(length);
  file.write(header);
  for (const std::string& key : order) {
    const Array array = make_contiguous(arrays.at(key));
    file.write(std::span(array.data, static_cast<std::size_t>(array.numel()) * item_size(array.dtype)));
  }
  file.commit();
}

}  // namespace kuda::io
