#pragma once
// Text as files hold it, and UTF-8. No reader hands out text that is not valid UTF-8.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace kuda {

/// Decodes as Python's bytes.decode("utf-8", errors="replace"): each longest invalid piece becomes one U+FFFD. Never
/// gives a surrogate or a value beyond U+10FFFF. Source: Unicode 15, section 3.9, "substitution of maximal subparts".
[[nodiscard]] std::u32string decode_utf8(std::string_view bytes);

/// UTF-8 of code points as decode_utf8 gives them.
[[nodiscard]] std::string encode_utf8(std::u32string_view text);

/// Appends one code point; surrogates and values beyond U+10FFFF become U+FFFD.
void append_utf8(std::string& text, char32_t code_point);

[[nodiscard]] bool is_utf8(std::string_view bytes) noexcept;

/// The text when it is UTF-8; lone surrogates (which Python writes) become U+FFFD. Nothing for anything else.
[[nodiscard]] std::optional<std::string> clean_utf8(std::string_view text);

/// Code points of text that is UTF-8: every byte that continues none. Of a piece of text, those that start in it.
[[nodiscard]] std::size_t count_code_points(std::string_view text) noexcept;

/// UTF-32 without trailing zeros, as numpy stores 'U' items. Nothing when a code point is beyond U+10FFFF.
[[nodiscard]] std::optional<std::string> utf32_to_utf8(std::span<const std::byte> item, bool is_big_endian);

}  // namespace kuda
