#pragma once
// Help for unknown names: list the known ones and the nearest.

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kuda {

/// The known name that alone begins with `name`, else the nearest by edit distance; empty when none is near enough to
/// be a typing slip.
[[nodiscard]] std::string nearest_name(std::string_view name, const std::vector<std::string>& known);

/// "did you mean 'x'? known: a, b, c": the hint of every error about an unknown name.
[[nodiscard]] std::string suggestion(std::string_view name, const std::vector<std::string>& known);

/// Where `name` stands in `known`. Throws ConfigError "unknown WHAT 'NAME'" with the suggestion.
[[nodiscard]] std::size_t place_of(std::string_view name, std::span<const char* const> known, std::string_view what);

/// "a, b, c"
[[nodiscard]] std::string join(const std::vector<std::string>& items, std::string_view separator = ", ");

}  // namespace kuda
