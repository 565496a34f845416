#include "kuda/base/unicode.h"

#include <utf8proc.h>

#include <algorithm>

namespace kuda::io {
namespace {

constexpr std::uint32_t kReplacement = 0xFFFD;

/// ED A0..BF 80..BF: a surrogate half encoded as if it were a character.
bool is_encoded_surrogate(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  return text.size() >= 3 && byte(0) == 0xED && byte(1) >= 0xA0 && byte(1) <= 0xBF && byte(2) >= 0x80 &&
         byte(2) <= 0xBF;
}

}  // namespace

void append_utf8(std::string& text, std::uint32_t code_point) {
  if (code_point > 0x10FFFF || (code_point >= 0xD800 && code_point <= 0xDFFF)) code_point = kReplacement;
  utf8proc_uint8_t bytes[4];
  const auto count = utf8proc_encode_char(static_cast<utf8proc_int32_t>(code_point), bytes);
  text.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(count));
}

std::optional<std::string> clean_utf8(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  std::size_t at = 0;
  while (at < text.size()) {
    const auto plain = std::find_if(text.begin() + at, text.end(), [](char byte) { return (byte & 0x80) != 0; });
    result.append(text.begin() + at, plain);
    at = static_cast<std::size_t>(plain - text.begin());
    if (at == text.size()) break;
    utf8proc_int32_t code_point = 0;
    const auto left = static_cast<utf8proc_ssize_t>(std::min<std::size_t>(text.size() - at, 4));
    const auto* bytes = reinterpret_cast<const utf8proc_uint8_t*>(text.data()) + at;
    const utf8proc_ssize_t count = utf8proc_iterate(bytes, left, &code_point);
    if (count > 0) {
      result.append(text.substr(at, static_cast<std::size_t>(count)));
      at += static_cast<std::size_t>(count);
    } else if (is_encoded_surrogate(text.substr(at))) {
      append_utf8(result, kReplacement);
      at += 3;
    } else {
      return std::nullopt;
    }
  }
  return result;
}

std::optional<std::string> utf32_to_utf8(std::span<const std::byte> item, bool is_big_endian) {
  std::string result;
  std::size_t zeros = 0;  // zeros inside the text count, those at the end do not
  for (std::size_t at = 0; at + 4 <= item.size(); at += 4) {
    std::uint32_t code_point = 0;
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

}  // namespace kuda::io
