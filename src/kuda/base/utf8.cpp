#include "kuda/base/utf8.h"

#include <cstddef>

#include "kuda/base/unicode.h"

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

}  // namespace

std::u32string decode_utf8(std::string_view bytes) {
  std::u32string text;
  text.reserve(bytes.size());
  for (std::size_t at = 0; at < bytes.size();) {
    const auto byte = static_cast<unsigned char>(bytes[at++]);
    if (byte < 0x80) {
      text += static_cast<char32_t>(byte);
      continue;
    }
    Lead lead = lead_of(byte);
    bool is_valid = lead.continuation > 0;
    for (; is_valid && lead.continuation > 0; --lead.continuation) {
      const auto next = at < bytes.size() ? static_cast<unsigned char>(bytes[at]) : 0U;
      is_valid = next >= lead.low && next <= lead.high;
      if (!is_valid) break;
      lead.bits = lead.bits << 6 | (next & 0x3FU);
      lead.low = 0x80;
      lead.high = 0xBF;
      ++at;
    }
    text += is_valid ? lead.bits : kReplacement;
  }
  return text;
}

std::string encode_utf8(std::u32string_view text) {
  std::string bytes;
  bytes.reserve(text.size());
  for (const char32_t c : text) io::append_utf8(bytes, static_cast<std::uint32_t>(c));
  return bytes;
}

}  // namespace kuda
