#pragma once
// Values of the three modalities as JSON: {"text": ..., "vision": ..., "audio": ...}. Not for headers: the parser is
// large.
//
//   object["unimodal"] = by_modality(clip.unimodal);       // null where there is none

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <type_traits>

#include "kuda/base/json_number.h"
#include "kuda/data/cut.h"
#include "kuda/data/modality.h"

namespace kuda {

template <class Value>
[[nodiscard]] nlohmann::ordered_json json_value(const Value& value) {
  if constexpr (std::is_floating_point_v<Value>)
    return json_number(value);
  else
    return value;
}
template <class Value>
[[nodiscard]] nlohmann::ordered_json json_value(const std::optional<Value>& value) {
  return value ? json_value(*value) : nlohmann::ordered_json(nullptr);
}

template <class Value>
[[nodiscard]] nlohmann::ordered_json by_modality(const PerModality<Value>& values) {
  nlohmann::ordered_json object;
  for (const auto modality : kModalities) object[std::string(modality_name(modality))] = json_value(values[modality]);
  return object;
}

[[nodiscard]] inline nlohmann::ordered_json name_or_null(const std::optional<Modality>& modality) {
  return modality ? nlohmann::ordered_json(std::string(modality_name(*modality))) : nlohmann::ordered_json(nullptr);
}

/// What of the score is each modality's, and the rest: {"text": ..., "vision": ..., "audio": ..., "correction": ...}.
/// They add up to the score.
template <class Value, class Rest>
[[nodiscard]] nlohmann::ordered_json parts_json(const PerModality<Value>& parts, const Rest& correction) {
  auto object = by_modality(parts);
  object["correction"] = json_value(correction);
  return object;
}

/// {"audio": {"from": 925, "to": 400}}; null where nothing was cut.
[[nodiscard]] inline nlohmann::ordered_json cut_json(const Cuts& cuts) {
  nlohmann::ordered_json object;
  for (const auto modality : kModalities)
    if (const auto& cut = cuts[modality])
      object[std::string(modality_name(modality))] = {{"from", cut->from}, {"to", cut->to}};
  return object;
}

}  // namespace kuda
