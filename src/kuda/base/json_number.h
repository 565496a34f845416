#pragma once
// Numbers in JSON, which has no NaN and no infinity: both are written as null, and null is read as NaN.
//
//   json object{{"loss", json_number(loss)}};
//   const double loss = number_in(object.at("loss"));

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

namespace kuda {

/// With as many digits as read back to the same bits.
[[nodiscard]] inline nlohmann::ordered_json json_number(double value) {
  return std::isfinite(value) ? nlohmann::ordered_json(value) : nlohmann::ordered_json(nullptr);
}

/// Through the shortest decimal: a float32 as a double would print digits that it does not have.
[[nodiscard]] inline nlohmann::ordered_json json_number(float value) {
  return std::isfinite(value) ? nlohmann::ordered_json::parse(fmt::format("{}", value))
                              : nlohmann::ordered_json(nullptr);
}

/// Throws nlohmann's type_error where `value` is neither a number nor null.
[[nodiscard]] inline double number_in(const nlohmann::ordered_json& value) {
  return value.is_null() ? std::numeric_limits<double>::quiet_NaN() : value.get<double>();
}

}  // namespace kuda
