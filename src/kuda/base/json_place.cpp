#include "kuda/base/json_place.h"

#include <fmt/format.h>

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

}  // namespace

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
