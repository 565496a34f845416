#pragma once
// Text as files hold it, to UTF-8. No reader hands out text that is not valid UTF-8.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace kuda::io {

/// The text when it is UTF-8; lone surrogates (which Python writes) become U+FFFD. Nothing for anything else.
[[nodiscard]] std::optional<std::string> clean_utf8(std::string_view text);

/// Appends one code point; surrogates and values beyond U+10FFFF become U+FFFD.
void append_utf8(std::string& text, std::uint32_t code_point);

/// UTF-32 without trailing zeros, as numpy stores 'U' items. Nothing when a code point is beyond U+10FFFF.
[[nodiscard]] std::optional<std::string> utf32_to_utf8(std::span<const std::byte> item, bool is_big_endian);

}  // namespace kuda::io
