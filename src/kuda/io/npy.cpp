#include "kuda/io/npy.h"

#include <fmt/format.h>

#include <cctype>
#include <charconv>
#include <optional>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/io/layout.h"
#include "kuda/io/npy_header.h"
#include "kuda/io/pickle/pickle_cursor.h"

namespace kuda::io {
namespace {

/// The header is the text of a Python dict: {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }.
class HeaderParser {
 public:
  HeaderParser(std::string_view text, std::size_t offset, const std::string& name)
      : text_(text), offset_(offset), name_(name) {}

  NpyHeader parse() {
    NpyHeader header;
    expect('{');
    while (!take('}')) {
      const std::string key = quoted();
      expect(':');
      if (key == "descr" && header.descr.empty())
        header.descr = description();
      else if (key == "fortran_order" && !is_fortran_)
        is_fortran_ = boolean();
      else if (key == "shape" && !shape_)
        shape_ = tuple();
      else
        fail(fmt::format("unexpected key '{}'", printable(key)));
      if (!take(',')) {
        expect('}');
        break;
      }
    }
    if (peek() != '\0') fail("text after the header's dict");
    if (header.descr.empty() || !is_fortran_ || !shape_) fail("descr, fortran_order or shape is missing");
    header.is_fortran = *is_fortran_;
    header.shape = std::move(*shape_);
    return header;
  }

 private:
  [[noreturn]] void fail(const std::string& message) const {
    throw FormatError(fmt::format("{}: byte {}: {} in the header of a .npy file", name_, offset_ + at_, message));
  }

  char peek() {
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_])) != 0) ++at_;
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  bool take(char letter) {
    if (peek() != letter) return false;
    ++at_;
    return true;
  }
  void expect(char letter) {
    if (!take(letter)) fail(fmt::format("expected '{}'", letter));
  }

  std::string quoted() {
    const char quote = peek();
    if (quote != '\'' && quote != '"') fail("expected a quoted name");
    const std::size_t end = text_.find(quote, at_ + 1);
    if (end == std::string_view::npos) fail("a quote that never ends");
    std::string result(text_.substr(at_ + 1, end - at_ - 1));
    at_ = end + 1;
    return result;
  }

  /// The type string; of a record (a list of fields) only that it is one, because nothing else follows from it.
  std::string description() {
    if (peek() == '[' || peek() == '(')
      throw UnsupportedNpy(fmt::format("{}: byte {}: a record dtype is not supported", name_, offset_ + at_));
    return quoted();
  }

  bool boolean() {
    for (const std::string_view word : {"True", "False"})
      if (peek() == word.front() && text_.substr(at_).starts_with(word)) {
        at_ += word.size();
        return word == "True";
      }
    fail("expected True or False");
  }

  std::vector<std::int64_t> tuple() {
    std::vector<std::int64_t> items;
    expect('(');
    while (!take(')')) {
      std::int64_t value = 0;
      peek();
      const auto rest = text_.substr(at_);
      const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
      if (error != std::errc()) fail("expected a dimension");
      at_ += static_cast<std::size_t>(end - rest.data());
      take('L');  // Python 2 wrote long integers so
      items.push_back(value);
      if (items.size() > kMaxDimensions) fail("too many dimensions");
      if (!take(',')) {
        expect(')');
        break;
      }
    }
    return items;
  }

  std::string_view text_;
  std::size_t offset_, at_ = 0;
  const std::string& name_;
  std::optional<bool> is_fortran_;
  std::optional<std::vector<std::int64_t>> shape_;
};

[[noreturn]] void fail(const std::string& name, std::size_t byte, const std::string& message) {
  throw FormatError(fmt::format("{}: byte {}: {}", name, byte, message));
}

/// Length of the header text and where it starts.
std::pair<std::size_t, std::size_t> header_range(std::span<const std::byte> bytes, const std::string& name) {
  constexpr std::string_view kMagic = "\x93NUMPY";
  const std::string_view start(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (start.empty()) fail(name, 0, "the file is empty");
  if (!start.starts_with(kMagic)) fail(name, 0, "this is not a .npy file");
  if (bytes.size() < 8) fail(name, bytes.size(), "truncated in the header");
  const int version = std::to_integer<int>(bytes[6]);
  if (version < 1 || version > 3) fail(name, 6, fmt::format("version {} of the format is not known", version));
  const std::size_t digits = version == 1 ? 2 : 4;
  if (bytes.size() < 8 + digits) fail(name, bytes.size(), "truncated in the header");
  std::size_t length = 0;
  for (std::size_t i = digits; i-- > 0;) length = length << 8 | std::to_integer<std::size_t>(bytes[8 + i]);
  if (length > bytes.size() - 8 - digits)
    fail(name, 8, fmt::format("truncated: a header of {} bytes, the file has {}", length, bytes.size() - 8 - digits));
  return {8 + digits, length};
}

}  // namespace

Array read_npy(std::span<const std::byte> bytes, std::shared_ptr<const void> owner, const std::string& name) {
  const auto [start, length] = header_range(bytes, name);
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()) + start, length);
  NpyHeader header = HeaderParser(text, start, name).parse();
  const auto type = parse_numpy_type(header.descr);
  if (!type || type->kind != NumpyType::Kind::number)
    throw UnsupportedNpy(fmt::format("{}: byte {}: dtype '{}' is not supported: numbers and booleans are", name, start,
                                     printable(header.descr)));
  const auto numel = checked_numel(header.shape, type->item_size);
  if (!numel) fail(name, start, fmt::format("impossible shape [{}]", fmt::join(header.shape, ", ")));
  const auto data = bytes.subspan(start + length);
  const auto needed = static_cast<std::uint64_t>(*numel) * type->item_size;
  if (needed != data.size())
    fail(name, start + length,
         fmt::format("{}an array of shape [{}] needs {} bytes, the file has {}",
                     needed > data.size() ? "truncated: " : "", fmt::join(header.shape, ", "), needed, data.size()));
  if (type->dtype == DType::boolean && !are_booleans(data))
    fail(name, start + length, "a boolean array with bytes beyond 0 and 1");

  Array array;
  array.dtype = type->dtype;
  array.strides = header.is_fortran ? fortran_strides(header.shape) : contiguous_strides(header.shape);
  array.shape = std::move(header.shape);
  array.data = data.data();
  array.owner = std::move(owner);
  if (type->is_big_endian && type->item_size > 1) {
    const auto copy = std::make_shared<Buffer>(data.begin(), data.end());
    swap_bytes(*copy, type->item_size);
    array.data = copy->data();
    array.owner = copy;
  }
  return array;
}

Array read_npy(const std::filesystem::path& path) {
  const auto file = MappedFile::open(path);
  return read_npy(file->bytes(), file, path.string());
}

}  // namespace kuda::io
