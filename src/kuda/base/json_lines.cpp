#include "kuda/base/json_lines.h"

namespace kuda {
namespace {

/// Where the list of numbers that begins at `begin` ends; npos where it holds something else.
std::size_t end_of_numbers(std::string_view json, std::size_t begin) {
  const auto end = json.find_first_not_of("0123456789+-.eE, \n", begin + 1);
  return end != std::string_view::npos && json[end] == ']' ? end : std::string_view::npos;
}

}  // namespace

std::string with_number_lists_on_one_line(std::string_view json) {
  std::string text;
  text.reserve(json.size());
  bool in_string = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    if (in_string) {
      text += json[i];
      if (json[i] == '\\' && i + 1 < json.size())
        text += json[++i];
      else if (json[i] == '"')
        in_string = false;
      continue;
    }
    in_string = json[i] == '"';
    const auto end = json[i] == '[' ? end_of_numbers(json, i) : std::string_view::npos;
    if (end == std::string_view::npos) {
      text += json[i];
      continue;
    }
    for (; i <= end; ++i) {
      if (json[i] == ' ' || json[i] == '\n') continue;
      text += json[i];
      if (json[i] == ',') text += ' ';
    }
    --i;
  }
  return text;
}

}  // namespace kuda
