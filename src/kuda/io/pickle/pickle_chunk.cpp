#include "kuda/io/pickle/pickle_chunk.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "kuda/base/utf8.h"

namespace kuda::io {
namespace {

/// Reads `digits` hexadecimal digits; false when there are fewer.
bool hex_number(std::string_view text, std::size_t at, std::size_t digits, std::uint32_t& value) {
  if (text.size() - at < digits) return false;
  const auto [end, error] = std::from_chars(text.data() + at, text.data() + at + digits, value, 16);
  return error == std::errc() && end == text.data() + at + digits;
}

/// Python's raw-unicode-escape: Latin-1, \uXXXX and \UXXXXXXXX; a backslash before anything else stands for itself.
/// False when an escape is cut short.
template <class Visit>
bool decode_raw_unicode(std::string_view text, Visit visit) {
  for (std::size_t at = 0; at < text.size();) {
    const char letter = text[at++];
    if (letter != '\\' || at == text.size()) {
      visit(std::uint32_t{static_cast<unsigned char>(letter)});
      continue;
    }
    const char escape = text[at++];
    if (escape != 'u' && escape != 'U') {
      visit(std::uint32_t{'\\'});
      visit(std::uint32_t{static_cast<unsigned char>(escape)});
      continue;
    }
    const std::size_t digits = escape == 'u' ? 4 : 8;
    std::uint32_t code_point = 0;
    if (!hex_number(text, at, digits, code_point) || code_point > 0x10FFFF) return false;
    visit(code_point);
    at += digits;
  }
  return true;
}

/// Text of code points that come one by one: pairs of surrogates, as Python 2 writes characters beyond U+FFFF, are
/// joined.
class JoinedText {
 public:
  void add(std::uint32_t code_point) {
    if (high_ != 0 && is_low(code_point)) {
      append_utf8(text_, 0x10000 + ((high_ - 0xD800) << 10U) + (code_point - 0xDC00));
      high_ = 0;
      return;
    }
    has_lone_half_ = has_lone_half_ || high_ != 0 || is_low(code_point);
    high_ = code_point >= 0xD800 && code_point < 0xDC00 ? code_point : 0;
    if (high_ == 0) append_utf8(text_, code_point);
  }
  /// Nothing where half of a pair stands alone.
  std::optional<std::string> take() {
    return has_lone_half_ || high_ != 0 ? std::nullopt : std::optional(std::move(text_));
  }

 private:
  static bool is_low(std::uint32_t code_point) { return code_point >= 0xDC00 && code_point < 0xE000; }
  std::string text_;
  std::uint32_t high_ = 0;  // the first half of a pair
  bool has_lone_half_ = false;
};

/// Decodes UTF-8 whose code points all fit in a byte, up to the first character that starts at `stop` or beyond.
/// One branch that is never taken: half of the bytes of a float array are above 127, in no order.
/// False for anything else; `out` has room for count_code_points(text).
bool decode_utf8_latin1(std::span<const std::byte> text, std::size_t& at, std::size_t stop, std::byte*& out) {
  std::size_t i = at;
  std::byte* to = out;
  while (i < stop) {
    const auto first = std::to_integer<unsigned>(text[i]);
    const unsigned is_wide = first >> 7U;
    const auto second = std::to_integer<unsigned>(text[std::min(i + is_wide, text.size() - 1)]);
    if ((is_wide & static_cast<unsigned>((first & 0xFEU) != 0xC2 || (second & 0xC0U) != 0x80)) != 0) return false;
    *to++ = static_cast<std::byte>(is_wide != 0 ? (first & 3U) << 6U | (second & 0x3FU) : first);
    i += 1 + is_wide;
  }
  at = i;
  out = to;
  return true;
}

/// Python 2's string escapes, without the quotes. False when one is malformed.
bool decode_quoted(std::string_view text, Buffer& bytes) {
  static constexpr std::string_view kEscapes = "\\\\''\"\"n\nt\tr\ra\ab\bf\fv\v";
  for (std::size_t at = 0; at < text.size();) {
    const char letter = text[at++];
    if (letter != '\\') {
      bytes.push_back(static_cast<std::byte>(letter));
      continue;
    }
    if (at == text.size()) return false;
    const char escape = text[at++];
    std::uint32_t value = 0;
    if (escape == 'x') {
      if (!hex_number(text, at, 2, value)) return false;
      at += 2;
    } else if (escape >= '0' && escape <= '7') {
      value = static_cast<std::uint32_t>(escape - '0');
      for (int digits = 1; digits < 3 && at < text.size() && text[at] >= '0' && text[at] <= '7'; ++digits)
        value = value * 8 + static_cast<std::uint32_t>(text[at++] - '0');
    } else {
      std::size_t known = 0;
      while (known < kEscapes.size() && kEscapes[known] != escape) known += 2;
      if (known >= kEscapes.size()) return false;
      value = static_cast<unsigned char>(kEscapes[known + 1]);
    }
    bytes.push_back(static_cast<std::byte>(value & 0xFFU));
  }
  return true;
}

}  // namespace

const std::shared_ptr<Buffer>& PickleChunk::unquoted(PickleMachine& machine) {
  if (buffer_) return buffer_;
  const auto text = stored_text();
  if (text.size() < 2 || text.front() != text.back() || (text.front() != '\'' && text.front() != '"'))
    machine.fail_at(offset, "a string without quotes");
  auto bytes = std::make_shared<Buffer>();
  bytes->reserve(text.size() - 2);
  if (!decode_quoted(text.substr(1, text.size() - 2), *bytes))
    machine.fail_at(offset, "a malformed escape in a string");
  buffer_ = std::move(bytes);
  return buffer_;
}

ByteView PickleChunk::raw(PickleMachine& machine) {
  if (is_text()) machine.fail("array data: expected bytes, found text");
  if (swapped_size_ != 0) machine.fail("the data of a big-endian array are used for something else as well");
  is_given_out_ = true;
  if (encoding_ != Encoding::quoted) return {stored_, owner_};
  const auto& bytes = unquoted(machine);
  return {*bytes, bytes};
}

ByteView PickleChunk::swapped(PickleMachine& machine, std::size_t size) {
  if (size == 1) return raw(machine);
  if (swapped_size_ == size) return {*buffer_, buffer_};
  const bool has_views = is_given_out_;
  const ByteView plain = raw(machine);
  if (plain.bytes.empty()) return plain;  // Python shares one empty bytes object among all its users
  const auto* mine = static_cast<const Buffer*>(plain.owner.get());
  const bool is_private = buffer_ != nullptr && mine == buffer_.get() && !has_views;
  if (!is_private) buffer_ = std::make_shared<Buffer>(plain.bytes.begin(), plain.bytes.end());
  swap_bytes(*buffer_, size);
  swapped_size_ = size;
  return {*buffer_, buffer_};
}

std::shared_ptr<Buffer> PickleChunk::latin1_of_utf8(PickleMachine& machine) const {
  constexpr std::size_t kBlock = 1U << 20U;  // pages of the file are given back by the block
  std::size_t count = 0;
  for (std::size_t at = 0; at < stored_.size(); at += kBlock) {
    const auto block = stored_text().substr(at, kBlock);
    count += count_code_points(block);
    machine.release(std::as_bytes(std::span(block)));
  }
  auto bytes = std::make_shared<Buffer>(count);
  std::byte* out = bytes->data();
  for (std::size_t at = 0, start = 0; at < stored_.size(); start = at) {
    if (!decode_utf8_latin1(stored_, at, std::min(at + kBlock, stored_.size()), out))
      machine.fail("text that is not latin1");
    machine.release(stored_.subspan(start, at - start));
  }
  return bytes;
}

std::shared_ptr<Buffer> PickleChunk::latin1_of_escapes(PickleMachine& machine) const {
  std::size_t count = 0;
  bool fits = true;
  const bool is_sound = decode_raw_unicode(stored_text(), [&](std::uint32_t code_point) {
    fits = fits && code_point <= 0xFF;
    ++count;
  });
  if (!is_sound || !fits) machine.fail("text that is not latin1");
  auto bytes = std::make_shared<Buffer>();
  bytes->reserve(count);  // exactly: this is most of the file
  decode_raw_unicode(stored_text(),
                     [&](std::uint32_t code_point) { bytes->push_back(static_cast<std::byte>(code_point)); });
  return bytes;
}

const std::shared_ptr<PickleChunk>& PickleChunk::encode_latin1(PickleMachine& machine) {
  if (latin1_) return latin1_;
  if (!is_text()) machine.fail("_codecs.encode: expected text, found " + describe());
  auto bytes = encoding_ == Encoding::utf8 ? latin1_of_utf8(machine) : latin1_of_escapes(machine);
  latin1_ = std::make_shared<PickleChunk>(*bytes, Encoding::bytes, bytes);
  latin1_->offset = offset;
  latin1_->buffer_ = std::move(bytes);
  return latin1_;
}

Value PickleChunk::lone_surrogate(PickleMachine& machine) const {
  if (!machine.leaves_out()) machine.fail_at(offset, kLoneSurrogate);
  return ValueAccess::object(kLoneSurrogate);
}

Value PickleChunk::settle(PickleMachine& machine) {
  if (settled_.kind() != Value::Kind::none) return settled_;
  machine.charge(48);
  if (encoding_ == Encoding::raw_unicode) {
    JoinedText joined;
    if (!decode_raw_unicode(stored_text(), [&](std::uint32_t code_point) { joined.add(code_point); }))
      machine.fail_at(offset, "a malformed \\u escape in text");
    auto text = joined.take();
    return settled_ = text ? ValueAccess::text(std::move(*text)) : lone_surrogate(machine);
  }
  std::string_view bytes = stored_text();
  if (!is_text()) {
    const auto view = raw(machine).bytes;
    bytes = {reinterpret_cast<const char*>(view.data()), view.size()};
  }
  auto text = encoding_ == Encoding::bytes ? std::nullopt : clean_utf8(bytes);
  if (text && *text != bytes) return settled_ = lone_surrogate(machine);
  if (text) return settled_ = ValueAccess::text(std::move(*text));
  if (encoding_ == Encoding::utf8 && machine.leaves_out())
    return settled_ = ValueAccess::object("text that is not UTF-8");
  if (encoding_ == Encoding::utf8) machine.fail_at(offset, "text that is not UTF-8");
  return settled_ = ValueAccess::bytes(std::string(bytes));
}

}  // namespace kuda::io
