#pragma once
// Bytes to code points, whatever the bytes are.

#include <string>
#include <string_view>

namespace kuda {

/// Decodes as Python's bytes.decode("utf-8", errors="replace"): each longest invalid piece becomes one U+FFFD. Never
/// gives a surrogate or a value beyond U+10FFFF. Source: Unicode 15, section 3.9, "substitution of maximal subparts".
[[nodiscard]] std::u32string decode_utf8(std::string_view bytes);

/// UTF-8 of code points as decode_utf8 gives them.
[[nodiscard]] std::string encode_utf8(std::u32string_view text);

}  // namespace kuda
