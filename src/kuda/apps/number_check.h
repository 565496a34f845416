#pragma once
// A check of options that hold a whole number: CLI11 alone takes -1 for the largest number there is where none is
// negative, and the largest one for all that are larger.
//
//   verb->add_option("--clips", clips, "...")->check(whole_number(0));

#include <fmt/format.h>

#include <charconv>
#include <cstdint>
#include <functional>
#include <string>

namespace kuda {

inline std::function<std::string(const std::string&)> whole_number(std::int64_t low) {
  return [low](const std::string& text) {
    std::int64_t value = 0;
    const auto* last = text.data() + text.size();
    const auto [end, error] = std::from_chars(text.data(), last, value);
    if (error == std::errc() && end == last && value >= low) return std::string();
    return fmt::format("expected a whole number of at least {}, found {}", low, text);
  };
}

}  // namespace kuda
