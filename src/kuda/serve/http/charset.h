#pragma once
// Texts that are not UTF-8, where their sender says what they are: curl in a Chinese console, Java clients.

#include <optional>
#include <string>
#include <string_view>

namespace kuda {

/// Names of what `utf8_from` reads, for messages.
[[nodiscard]] const char* known_charsets() noexcept;

/// `text` in UTF-8; `charset` in any case, with "" for UTF-8 itself, which comes back unchecked. Nothing for a charset
/// that is not known, and for bytes that are none of it.
[[nodiscard]] std::optional<std::string> utf8_from(std::string_view text, std::string_view charset);
[[nodiscard]] bool knows_charset(std::string_view charset);

}  // namespace kuda
