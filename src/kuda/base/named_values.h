#pragma once
// The names of an enum's values: text outside (TOML, help, files, the command line), the enum inside. One table beside
// the enum, in its order:
//
//   enum class MaskRule { sound, released, nonzero };
//   constexpr auto value_names(MaskRule) { return std::array{"sound", "released", "nonzero"}; }
//
//   name_of(MaskRule::released);                        // "released"
//   value_of<MaskRule>("relaesed", "mask rule");        // ConfigError: unknown mask rule 'relaesed', did you mean ...
//   fields.add("mask", mask, "which frames are padding");  // config/fields.h: as text, one of the three

#include <array>
#include <concepts>
#include <cstddef>
#include <string_view>
#include <type_traits>

#include "kuda/base/names.h"

namespace kuda {

template <class E>
concept NamedEnum = std::is_enum_v<E> && requires(E value) {
  value_names(value).size();
};

/// The table itself, for as long as the program runs.
template <NamedEnum E>
inline constexpr auto kNamesOf = value_names(E{});

template <NamedEnum E>
[[nodiscard]] constexpr const char* name_of(E value) noexcept {
  return kNamesOf<E>[static_cast<std::size_t>(value)];
}

/// Throws ConfigError "unknown WHAT 'NAME'" with the known names and the nearest.
template <NamedEnum E>
[[nodiscard]] E value_of(std::string_view name, std::string_view what = "value") {
  return static_cast<E>(place_of(name, kNamesOf<E>, what));
}

}  // namespace kuda
