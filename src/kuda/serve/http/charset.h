#pragma once
// Texts that are not UTF-8, where their sender says what they are: curl in a Chinese console, Java clients.

#include <optional>
#include <string>
#include <string_view>

namespace kuda {

/// Names of what `utf8_from` reads, for messages.
[[nodiscard]] const char* known_charsets() noexcept;

/// `text` in UTF-8; `charset` in any case, with "" for UTF-8 itself, which comes back unchecked. Nothing for a charset
/// that is not known, and for bytes that are none of it. "utf-16" is what its first bytes say, else as Windows writes
/// it.
[[nodiscard]] std::optional<std::string> utf8_from(std::string_view text, std::string_view charset);
[[nodiscard]] bool knows_charset(std::string_view charset);

/// A body of JSON in UTF-8, from what the charset of its type says. UTF-16 is found by its first bytes where the type
/// names none (RFC 4627, section 3): PowerShell and .NET send it so. Throws DataError for bytes that are not of the
/// charset, and for one that is not known.
[[nodiscard]] std::string json_text(std::string body, std::string_view content_type);

}  // namespace kuda
