#pragma once
// JSON for people: what nlohmann's dump puts on a line for each number reads better on one.

#include <string>
#include <string_view>

namespace kuda {

/// Indented JSON with every list that holds nothing but numbers on one line: "[0.1, 0.281, 0.413]".
[[nodiscard]] std::string with_number_lists_on_one_line(std::string_view json);

}  // namespace kuda
