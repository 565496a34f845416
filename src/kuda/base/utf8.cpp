#include "kuda/base/utf8.h"

#include <utf8proc.h>

#include <algorithm>

namespace kuda {
namespace {

constexpr char32_t kReplacement = 0xFFFD;

struct Lead {
  std::size_t continuation = 0;           ///< bytes that must follow; 0 = not a lead byte
  unsigned char low = 0x80, high = 0xBF;  ///< range of the first of them: no overlong forms, surrogates, > U+10FFFF
  char32_t bits = 0;
};

Lead lead_of(unsigned char byte) {
  if (byte >= 0xC2 && byte <= 0xDF) return {1, 0x80, 0xBF, byte & 0x1FU};
  if (byte == 0xE0) return {2, 0xA0, 0xBF, 0};
  if (byte == 0xED) return {2, 0x80, 0x9F, 0xD};
  if (byte >= 0xE1 && byte <= 0xEF) return {2, 0x80, 0xBF, byte & 0xFU};
  if (byte == 0xF0) return {3, 0x90, 0xBF, 0};
  if (byte >= 0xF1 && byte <= 0xF3) return {3, 0x80, 0xBF, byte & 0x7U};
  if (byte == 0xF4) return {3, 0x80, 0x8F, 4};
  return {};
}

/// The code point that starts at `at`, which moves behind it; nothing, and behind the longest invalid piece, where
/// there is none.
std::optional<char32_t> take_code_point(std::string_view bytes, std::size_t& at) noexcept {
  const auto byte = static_cast<unsigned char>(bytes[at++]);
  if (byte < 0x80) return byte;
  Lead lead = lead_of(byte);
  if (lead.continuation == 0) return std::nullopt;
  for (; lead.continuation > 0; --lead.continuation) {
    const auto next = at < bytes.size() ? static_cast<unsigned char>(bytes[at]) : 0U;
    if (next < lead.low || next > lead.high) return std::nullopt;
    lead.bits = lead.bits << 6 | (next & 0x3FU);
    lead.low = 0x80;
    lead.high = 0xBF;
    ++at;
  }
  return lead.bits;
}

/// ED A0..BF 80..BF: a surrogate half encoded as if it were a character.
bool is_encoded_surrogate(std::string_view text) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  return text.size() >= 3 && byte(0) == 0xED && byte(1) >= 0xA0 && byte(1) <= 0xBF && byte(2) >= 0x80 &&
         byte(2) <= 0xBF;
}

bool is_ascii_byte(char byte) noexcept { return (byte & 0x80) == 0; }

}  // namespace

std::u32string decode_utf8(std::string_view bytes) {
  std::u32string text;
  text.reserve(bytes.size());
  for (std::size_t at = 0; at < bytes.size();) text += take_code_point(bytes, at).value_or(kReplacement);
  return text;
}

std::string encode_utf8(std::u32string_view text) {
  std::string bytes;
  bytes.reserve(text.size());
  for (const char32_t c : text) append_utf8(bytes, c);
  return bytes;
}

void append_utf8(std::string& text, char32_t code_point) {
  if (code_point > 0x10FFFF || (code_point >= 0xD800 && code_point <= 0xDFFF)) code_point = kReplacement;
  utf8proc_uint8_t bytes[4];
  const auto count = utf8proc_encode_char(static_cast<utf8proc_int32_t>(code_point), bytes);
  text.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(count));
}

bool is_utf8(std::string_view bytes) noexcept {
  for (std::size_t at = 0; at < bytes.size();)
    if (!take_code_point(bytes, at)) return false;
  return true;
}

std::optional<std::string> clean_utf8(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const auto start = static_cast<std::ptrdiff_t>(at);
    const auto plain = std::find_if_not(text.begin() + start, text.end(), is_ascii_byte);
    result.append(text.begin() + start, plain);
    at = static_cast<std::size_t>(plain - text.begin());
    if (at == text.size()) break;
    const std::size_t first = at;
    if (take_code_point(text, at)) {
      result.append(text.substr(first, at - first));
    } else if (is_encoded_surrogate(text.substr(first))) {
      append_utf8(result, kReplacement);
      at = first + 3;
    } else {
      return std::nullopt;
    }
  }
  return result;
}

std::size_t count_code_points(std::string_view text) noexcept {
  return static_cast<std::size_t>(std::count_if(
      text.begin(), text.end(), [](char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U; }));
}

std::optional<std::string> utf32_to_utf8(std::span<const std::byte> item, bool is_big_endian) {
  std::string result;
  std::size_t zeros = 0;  // zeros inside the text count, those at the end do not
  for (std::size_t at = 0; at + 4 <= item.size(); at += 4) {
    char32_t code_point = 0;
    for (std::size_t i = 0; i < 4; ++i)
      code_point = code_point << 8 | std::to_integer<std::uint32_t>(item[at + (is_big_endian ? i : 3 - i)]);
    if (code_point > 0x10FFFF) return std::nullopt;
    if (code_point == 0) {
      ++zeros;
      continue;
    }
    result.append(zeros, '\0');
    zeros = 0;
    append_utf8(result, code_point);
  }
  return result;
}

}  // namespace kuda
