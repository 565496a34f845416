#include "kuda/checkpoint/conformal.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/base/json_number.h"
#include "kuda/base/json_place.h"
#include "kuda/base/named_values.h"

namespace kuda {
namespace {

using json = nlohmann::ordered_json;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

void check_level(double level) {
  if (!(level > 0 && level < 1))
    throw ConfigError(fmt::format("level {}: expected a probability between 0 and 1", level), "0.9 covers 90 %");
}

double residual_of(float score, float label) { return std::abs(double(label) - double(score)); }

/// Largest of the first `part` of three equal parts; the smaller parts come last.
float edge_of(const std::vector<float>& sorted, std::size_t part) { return sorted[(part * sorted.size() + 2) / 3 - 1]; }

std::string described(const Coverage& entry) {
  if (!std::isfinite(entry.half_width)) return fmt::format("{:g} % undetermined", 100 * entry.level);
  return fmt::format("{:g} % covers {:.1f} %, ± {:.3f}", 100 * entry.level, 100 * entry.share(), entry.half_width);
}

}  // namespace

bool ScoreInterval::is_determined() const noexcept { return std::isfinite(low) && std::isfinite(high); }

std::string_view interval_form_name(IntervalForm form) noexcept { return name_of(form); }

IntervalForm interval_form_from(std::string_view name) { return value_of<IntervalForm>(name, "form of interval"); }

double conformal_quantile(std::span<const double> sorted, double level) {
  // 10 * 0.9 may come out a little above 9: a rank is rounded up only by what is no rounding error.
  const auto rank = std::ceil(double(sorted.size() + 1) * level - 1e-9);
  if (rank > double(sorted.size())) return kInfinity;
  return sorted[std::size_t(std::max(rank, 1.0)) - 1];
}

Calibration::Calibration(std::vector<float> magnitudes, std::vector<double> residuals)
    : magnitudes_(std::move(magnitudes)), residuals_(std::move(residuals)), sorted_(residuals_) {
  std::sort(sorted_.begin(), sorted_.end());
  auto ordered = magnitudes_;
  std::sort(ordered.begin(), ordered.end());
  edges_ = {edge_of(ordered, 1), edge_of(ordered, 2)};
  for (std::size_t i = 0; i < residuals_.size(); ++i) sorted_thirds_[third(magnitudes_[i])].push_back(residuals_[i]);
  for (auto& part : sorted_thirds_) std::sort(part.begin(), part.end());
}

Calibration Calibration::fit(std::span<const float> scores, std::span<const float> labels) {
  if (scores.size() != labels.size())
    throw DataError(fmt::format("calibration: {} scores and {} labels", scores.size(), labels.size()));
  std::vector<float> magnitudes;
  std::vector<double> residuals;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    if (std::isnan(labels[i])) continue;
    magnitudes.push_back(std::abs(scores[i]));
    residuals.push_back(residual_of(scores[i], labels[i]));
  }
  if (residuals.empty()) throw DataError("calibration: no clip has a label");
  return {std::move(magnitudes), std::move(residuals)};
}

Calibration Calibration::load(const std::filesystem::path& path) {
  try {
    const auto object = parse_json(read_file(path), path.string());
    if (object.at("format") != 1)
      throw CheckpointError(fmt::format("{}: format {}, expected 1", path.string(), object.at("format").dump()),
                            "it was written by a newer kuda");
    auto magnitudes = object.at("magnitudes").get<std::vector<float>>();
    auto residuals = object.at("residuals").get<std::vector<double>>();
    const auto is_bad = [](auto value) { return !(value >= 0) || std::isinf(value); };
    if (magnitudes.empty() || magnitudes.size() != residuals.size() ||
        std::any_of(magnitudes.begin(), magnitudes.end(), is_bad) ||
        std::any_of(residuals.begin(), residuals.end(), is_bad))
      throw CheckpointError(
          fmt::format("{}: expected as many magnitudes as residuals, none below 0, found {} and {}", path.string(),
                      magnitudes.size(), residuals.size()),
          "take another copy of the checkpoint, or remove this file: scores then come without intervals");
    return {std::move(magnitudes), std::move(residuals)};
  } catch (const json::exception& error) {
    throw CheckpointError(path.string() + ": damaged: " + json_fault(error), "take another copy of the checkpoint");
  } catch (const DataError& error) {
    throw CheckpointError(error.message(), "take another copy of the checkpoint");
  }
}

void Calibration::save(const std::filesystem::path& path) const {
  json object{{"format", 1}, {"magnitudes", json::array()}, {"residuals", residuals_}};
  for (const float magnitude : magnitudes_) object["magnitudes"].push_back(json_number(magnitude));
  write_file(path, object.dump() + "\n");
}

std::size_t Calibration::third(float score) const noexcept {
  const float magnitude = std::abs(score);
  return magnitude <= edges_[0] ? 0 : magnitude <= edges_[1] ? 1 : 2;
}

double Calibration::half_width(float score, double level, IntervalForm form) const {
  check_level(level);
  return conformal_quantile(form == IntervalForm::split ? sorted_ : sorted_thirds_[third(score)], level);
}

ScoreInterval Calibration::interval(float score, double level, IntervalForm form) const {
  const double half = half_width(score, level, form);
  return {level, double(score) - half, double(score) + half};
}

std::vector<Coverage> coverage_of(const Calibration& calibration, std::span<const float> scores,
                                  std::span<const float> labels) {
  std::vector<Coverage> result;
  for (const auto form : kIntervalForms)
    for (const double level : kLevels) {
      Coverage entry{form, level, 0, 0, 0};
      for (std::size_t i = 0; i < scores.size(); ++i) {
        if (std::isnan(labels[i])) continue;
        const double half = calibration.half_width(scores[i], level, form);
        ++entry.n;
        entry.covered += residual_of(scores[i], labels[i]) <= half ? 1 : 0;
        entry.half_width += half;
      }
      if (entry.n > 0) entry.half_width /= double(entry.n);
      result.push_back(entry);
    }
  return result;
}

std::string coverage_lines(const std::vector<Coverage>& coverage, std::size_t clips) {
  std::string text;
  for (const auto form : kIntervalForms) {
    std::vector<std::string> parts;
    for (const auto& entry : coverage)
      if (entry.form == form) parts.push_back(described(entry));
    if (parts.empty()) continue;
    text += fmt::format("intervals{}: {}; from {} validation clips\n",
                        form == IntervalForm::split ? "" : " by magnitude", join(parts, "; "), clips);
  }
  return text;
}

}  // namespace kuda
