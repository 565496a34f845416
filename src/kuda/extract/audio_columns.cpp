#include "kuda/extract/audio_columns.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <set>
#include <string_view>

#include "kuda/base/error.h"
#include "kuda/base/names.h"
#include "kuda/extract/voice/voice.h"

namespace kuda {
namespace {

constexpr std::string_view kWhisper = "whisper", kWhisperState = "whisper_", kEgemaps = "egemaps_";

/// N of "whisper_N".
std::optional<std::int64_t> state_of(std::string_view column) {
  if (!column.starts_with(kWhisperState)) return std::nullopt;
  const auto number = column.substr(kWhisperState.size());
  std::int64_t state = 0;
  const auto [end, code] = std::from_chars(number.data(), number.data() + number.size(), state);
  const bool is_number = code == std::errc() && end == number.data() + number.size() && state >= 0;
  return is_number && std::to_string(state) == number ? std::optional(state) : std::nullopt;
}

std::optional<std::int64_t> place_in(const std::vector<std::string>& names, std::string_view name) {
  const auto found = std::find(names.begin(), names.end(), name);
  return found == names.end() ? std::nullopt : std::optional<std::int64_t>(found - names.begin());
}

/// The columns of openSMILE under the names of a recipe.
std::vector<std::string> egemaps_names() {
  std::vector<std::string> names;
  for (const auto& column : egemaps_columns()) names.push_back(std::string(kEgemaps) + column);
  return names;
}

void require_each_once(const std::vector<std::string>& columns, const std::string& where) {
  std::set<std::string> seen;
  for (const auto& column : columns)
    if (!seen.insert(column).second) throw ConfigError(where + ": column '" + column + "' comes twice");
}

}  // namespace

const std::vector<std::string>& egemaps_columns() {
  static const std::vector<std::string> columns{"Loudness_sma3",
                                                "alphaRatio_sma3",
                                                "hammarbergIndex_sma3",
                                                "slope0-500_sma3",
                                                "slope500-1500_sma3",
                                                "spectralFlux_sma3",
                                                "mfcc1_sma3",
                                                "mfcc2_sma3",
                                                "mfcc3_sma3",
                                                "mfcc4_sma3",
                                                "F0semitoneFrom27.5Hz_sma3nz",
                                                "jitterLocal_sma3nz",
                                                "shimmerLocaldB_sma3nz",
                                                "HNRdBACF_sma3nz",
                                                "logRelF0-H1-H2_sma3nz",
                                                "logRelF0-H1-A3_sma3nz",
                                                "F1frequency_sma3nz",
                                                "F1bandwidth_sma3nz",
                                                "F1amplitudeLogRelF0_sma3nz",
                                                "F2frequency_sma3nz",
                                                "F2bandwidth_sma3nz",
                                                "F2amplitudeLogRelF0_sma3nz",
                                                "F3frequency_sma3nz",
                                                "F3bandwidth_sma3nz",
                                                "F3amplitudeLogRelF0_sma3nz"};
  return columns;
}

std::vector<std::string> checked_audio_columns(const std::vector<std::string>& columns, const std::string& where) {
  if (columns.empty()) throw ConfigError(where + ": expected at least one column, found none");
  const auto egemaps = egemaps_names();
  std::vector<std::string> all;
  for (const auto& column : columns) {
    if (column == "voice") {
      all.insert(all.end(), voice_columns().begin(), voice_columns().end());
    } else if (column == "egemaps") {
      all.insert(all.end(), egemaps.begin(), egemaps.end());
    } else if (column == kWhisper || state_of(column) || place_in(voice_columns(), column) ||
               place_in(egemaps, column)) {
      all.push_back(column);
    } else {
      auto known = column.starts_with(kEgemaps) ? egemaps : voice_columns();
      known.insert(known.end(), {"voice", "whisper", "egemaps"});
      throw ConfigError(where + ": unknown column '" + column + "'", suggestion(column, known));
    }
  }
  require_each_once(all, where);
  return all;
}

bool reads_whisper(const std::vector<std::string>& columns) {
  return std::any_of(columns.begin(), columns.end(),
                     [](const auto& column) { return column == kWhisper || state_of(column); });
}

std::vector<std::string> with_whisper_columns(const std::vector<std::string>& columns, std::int64_t width) {
  std::vector<std::string> all;
  for (const auto& column : columns) {
    if (const auto state = state_of(column); state && *state >= width)
      throw ConfigError(fmt::format("audio.columns: {}: the recogniser's encoder has {} states", column, width),
                        fmt::format("whisper_0 to whisper_{}", width - 1));
    if (column != kWhisper) {
      all.push_back(column);
      continue;
    }
    for (std::int64_t i = 0; i < width; ++i) all.push_back(fmt::format("{}{}", kWhisperState, i));
  }
  require_each_once(all, "audio.columns");
  return all;
}

AudioColumns::AudioColumns(const std::vector<std::string>& columns) {
  const auto egemaps_all = egemaps_names();
  std::array<std::vector<std::int64_t>, 3> places;  // voice, whisper, egemaps
  std::vector<std::size_t> source;
  for (const auto& column : columns) {
    const auto of_voice = place_in(voice_columns(), column), of_whisper = state_of(column),
               of_egemaps = place_in(egemaps_all, column);
    source.push_back(of_voice ? 0 : of_whisper ? 1 : 2);
    places[source.back()].push_back(of_voice ? *of_voice : of_whisper ? *of_whisper : of_egemaps.value());
  }
  std::array<std::int64_t, 3> next{0, std::int64_t(places[0].size()),
                                   std::int64_t(places[0].size() + places[1].size())};
  std::vector<std::int64_t> orders;
  for (const auto which : source) orders.push_back(next[which]++);
  voice = at::tensor(places[0], at::kLong);
  whisper = at::tensor(places[1], at::kLong);
  egemaps = at::tensor(places[2], at::kLong);
  order = at::tensor(orders, at::kLong);
}

}  // namespace kuda
