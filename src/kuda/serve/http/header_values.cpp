#include "kuda/serve/http/header_values.h"

#include <algorithm>

#include "kuda/base/lower_case.h"

namespace kuda {
namespace {

/// Takes `begin` off the front of `text`, if it is there.
bool take(std::string_view& text, std::string_view begin) {
  const bool is_there = text.starts_with(begin);
  if (is_there) text.remove_prefix(begin.size());
  return is_there;
}

/// `token` or "quoted", where \" and \\ stand for " and \. Nothing where the quotation has no end.
std::optional<std::string> take_value(std::string_view& text) {
  if (!take(text, "\"")) {  // up to the next parameter: file names with spaces come without quotes, too
    const auto value = text.substr(0, text.find(';'));
    text.remove_prefix(value.size());
    return std::string(trimmed(value));
  }
  std::string value;
  while (!text.empty()) {
    if (take(text, "\"")) return value;
    if (text.size() > 1 && text[0] == '\\' && (text[1] == '"' || text[1] == '\\')) text.remove_prefix(1);
    value += text.front();
    text.remove_prefix(1);
  }
  return std::nullopt;
}

}  // namespace

std::string_view trimmed(std::string_view text) {
  const auto begin = std::min(text.find_first_not_of(" \t"), text.size());
  text.remove_prefix(begin);
  return text.substr(0, text.find_last_not_of(" \t") + 1);
}

std::string media_type_of(std::string_view value) { return lower_case(trimmed(value.substr(0, value.find(';')))); }

std::optional<std::string> parameter_of(std::string_view value, std::string_view name) {
  value.remove_prefix(std::min(value.find(';'), value.size()));
  while (take(value, ";")) {
    const auto key_end = std::min(value.find_first_of("=;"), value.size());
    const auto key = lower_case(trimmed(value.substr(0, key_end)));
    value.remove_prefix(key_end);
    if (!take(value, "=")) continue;  // a word without a value
    value = trimmed(value);
    auto found = take_value(value);
    if (!found) return std::nullopt;
    if (key == name) return found;
    value.remove_prefix(std::min(value.find(';'), value.size()));
  }
  return std::nullopt;
}

std::vector<std::string> list_in(const Request& request, std::string_view name) {
  std::vector<std::string> items;
  for (const auto& [key, value] : request.headers) {
    if (lower_case(key) != lower_case(name)) continue;
    for (std::string_view rest = value; !rest.empty();) {
      const auto item = rest.substr(0, rest.find(','));
      rest.remove_prefix(std::min(item.size() + 1, rest.size()));
      if (!trimmed(item).empty()) items.push_back(lower_case(trimmed(item)));
    }
  }
  return items;
}

std::string content_coding_of(const Request& request) {
  std::string codings;
  for (const auto& coding : list_in(request, "Content-Encoding")) {
    if (coding == "identity") continue;
    codings += (codings.empty() ? "" : ", ") + (coding == "x-gzip" ? "gzip" : coding);
  }
  return codings;
}

}  // namespace kuda
