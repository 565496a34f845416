#pragma once
// ASCII letters in lower case, for names that differ in case only. Other letters stay.

#include <string>
#include <string_view>

namespace kuda {

[[nodiscard]] inline std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = char(c - 'A' + 'a');
  return lower;
}

}  // namespace kuda
