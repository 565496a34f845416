#include "kuda/base/json_place.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "kuda/base/error.h"
#include "kuda/base/json_number.h"

namespace kuda {
namespace {

/// What stands there, short; of lists and objects the kind.
std::string shown(const JsonPlace::json& value) {
  constexpr std::size_t kMost = 60;
  if (value.is_structured()) return value.is_array() ? "a list" : "an object";
  auto text = value.dump(-1, ' ', /*ensure_ascii=*/true);
  if (text.size() > kMost) text = text.substr(0, kMost) + "...";
  return text;
}

/// What stands between `begin` and the nearest of `ends`; empty where `begin` is not there.
std::string_view between(std::string_view text, std::string_view begin, std::string_view ends) {
  const auto at = text.find(begin);
  if (at == std::string_view::npos) return {};
  text.remove_prefix(at + begin.size());
  return text.substr(0, text.find_first_of(ends));
}

struct Words {
  std::string_view theirs, ours;
};

/// What a value must be where it stands: the parser's word for the place, and ours for what it expects there.
constexpr std::array<Words, 5> kPlaces{{{"value", "a value"},
                                        {"object key", "a name in quotation marks"},
                                        {"object separator", "':'"},
                                        {"object", "',' or '}'"},
                                        {"array", "',' or ']'"}}};
constexpr std::array<Words, 8> kTokens{{{"end of input", "the end"},
                                        {"string literal", "a string"},
                                        {"number literal", "a number"},
                                        {"true literal", "true"},
                                        {"false literal", "false"},
                                        {"null literal", "null"},
                                        {"<uninitialized>", "nothing"},
                                        {"<parse error>", "something else"}}};

template <std::size_t N>
std::string in_our_words(std::string_view theirs, const std::array<Words, N>& table) {
  const auto* const found =
      std::find_if(table.begin(), table.end(), [&](const Words& words) { return words.theirs == theirs; });
  return std::string(found == table.end() ? theirs : found->ours);
}

/// "[json.exception.parse_error.101] parse error at line 1, column 5: syntax error while parsing value - unexpected
/// end of input; expected '}'", or "... - invalid literal; last read: 'nope'".
std::string syntax_fault(std::string_view text) {
  if (text.find("empty input") != std::string_view::npos)  // said so since 3.11.3 of the library
    return "line 1, column 1: expected a value, found the end";
  const auto place = between(text, "parse error at ", ":");
  const auto context = between(text, "while parsing ", "-");
  const bool is_whole = between(text, "; expected ", "") == "end of input";  // something follows
  const auto expected =
      is_whole ? "the end" : in_our_words(context.substr(0, context.find_last_not_of(' ') + 1), kPlaces);
  auto found = in_our_words(between(text, " - unexpected ", ";"), kTokens);
  if (found.empty()) found = between(text, " - ", ";");
  const auto what = expected.empty() ? found : fmt::format("expected {}, found {}", expected, found);
  return place.empty() ? what : fmt::format("{}: {}", place, what);
}

}  // namespace

std::string json_fault(const nlohmann::detail::exception& error) {
  constexpr int kAbsent = 403, kOfAnotherType = 302, kNoObject = 304;
  std::string_view text(error.what());
  if (dynamic_cast<const nlohmann::detail::parse_error*>(&error) != nullptr) return syntax_fault(text);
  text.remove_prefix(std::min(text.find("] ") + 2, text.size()));
  if (error.id == kAbsent) return fmt::format("'{}' is absent", between(text, "key '", "'"));
  if (error.id == kOfAnotherType)
    return fmt::format("expected {}, found {}", between(text, "type must be ", ","), between(text, "but is ", ""));
  if (error.id == kNoObject) return fmt::format("expected an object, found {}", between(text, "at() with ", ""));
  return std::string(text);
}

nlohmann::ordered_json parse_json(const std::string& text, const std::string& file, const std::string& hint) {
  try {
    return nlohmann::ordered_json::parse(text);
  } catch (const nlohmann::ordered_json::exception& error) {
    throw DataError(fmt::format("{}: not JSON: {}", file, json_fault(error)), hint);
  }
}

void JsonPlace::expected(const std::string& what) const {
  throw DataError(
      fmt::format("{}: {}expected {}, found {}", file_, place_.empty() ? "" : place_ + ": ", what, shown(value_)));
}

JsonPlace JsonPlace::at(const std::string& key) const {
  if (!value_.is_object()) expected("an object");
  const auto found = value_.find(key);
  auto place = place_.empty() ? key : place_ + "." + key;
  if (found == value_.end()) throw DataError(fmt::format("{}: {}: it is absent", file_, place));
  return {*found, file_, std::move(place)};
}

std::vector<std::pair<std::string, JsonPlace>> JsonPlace::entries() const {
  if (!value_.is_object()) expected("an object");
  std::vector<std::pair<std::string, JsonPlace>> list;
  for (const auto& [key, value] : value_.items()) list.emplace_back(key, at(key));
  return list;
}

std::vector<JsonPlace> JsonPlace::items(std::size_t count) const {
  if (!value_.is_array() || value_.size() != count) expected(fmt::format("a list of {}", count));
  std::vector<JsonPlace> list;
  for (std::size_t i = 0; i < count; ++i) list.push_back({value_[i], file_, fmt::format("{}[{}]", place_, i)});
  return list;
}

std::string JsonPlace::text() const {
  if (!value_.is_string()) expected("a text");
  return value_.get<std::string>();
}

bool JsonPlace::flag() const {
  if (!value_.is_boolean()) expected("true or false");
  return value_.get<bool>();
}

std::int64_t JsonPlace::whole() const {
  const bool is_whole = value_.is_number_integer() &&
                        (value_.is_number_unsigned() ? value_.get<std::uint64_t>() <= std::uint64_t{INT64_MAX}
                                                     : value_.get<std::int64_t>() >= 0);
  if (!is_whole) expected("a whole number, 0 or more");
  return value_.get<std::int64_t>();
}

double JsonPlace::number() const {
  if (!value_.is_number() && !value_.is_null()) expected("a number or null");
  return number_in(value_);
}

double JsonPlace::share() const {
  const double value = value_.is_number() ? value_.get<double>() : -1;
  if (!(value >= 0 && value <= 1)) expected("a number from 0 to 1");
  return value;
}

}  // namespace kuda
