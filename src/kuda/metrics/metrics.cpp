#include "kuda/metrics/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "kuda/base/error.h"
#include "kuda/base/named_values.h"
#include "kuda/metrics/classes.h"

namespace kuda {
namespace {

using Scores = std::vector<float>;

/// NaN stays NaN, as in numpy.
float clipped(float score, float limit) { return std::isnan(score) ? score : std::clamp(score, -limit, limit); }

/// Half to even whatever the rounding mode of the process is.
float rounded(float score) {
  const float below = std::floor(score), fraction = score - below;
  if (fraction != 0.5F) return fraction < 0.5F ? below : below + 1;
  return std::fmod(below, 2.0F) == 0 ? below : below + 1;
}

int sims_class(int classes, float score) {
  // Borders as float32: 0.1F is not 0.1, and labels come as float32 from the files.
  static constexpr float kTwo[] = {0.0F}, kThree[] = {-0.1F, 0.1F}, kFive[] = {-0.7F, -0.1F, 0.1F, 0.7F};
  const std::span<const float> borders = classes == 2   ? std::span<const float>(kTwo)
                                         : classes == 3 ? std::span<const float>(kThree)
                                                        : std::span<const float>(kFive);
  return static_cast<int>(std::count_if(borders.begin(), borders.end(), [&](float b) { return score > b; }));
}

void check_classes(MetricFamily family, int classes) {
  const bool is_known = family == MetricFamily::sims ? classes == 2 || classes == 3 || classes == 5
                                                     : classes == 2 || classes == 3 || classes == 5 || classes == 7;
  if (!is_known) throw ConfigError(fmt::format("{} classes in the {} family", classes, metric_family_name(family)));
}

/// score_class of a number of classes that is known.
int class_of(MetricFamily family, int classes, float score) {
  if (family == MetricFamily::mosi && classes == 2) return score >= 0 ? 1 : 0;
  if (std::isnan(score)) return kNoClass;
  if (family == MetricFamily::sims) return sims_class(classes, score);
  return static_cast<int>(rounded(clipped(score, float(classes / 2))));
}

std::vector<int> classes_of(MetricFamily family, int classes, std::span<const float> scores) {
  check_classes(family, classes);
  std::vector<int> indices;
  indices.reserve(scores.size());
  for (const float score : scores) indices.push_back(class_of(family, classes, score));
  return indices;
}

/// The references take the mean in float32; a mean in double differs by less than the facts are compared to.
double mean_absolute_error(std::span<const float> predictions, std::span<const float> labels) {
  double sum = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) sum += double(std::abs(predictions[i] - labels[i]));
  return sum / double(labels.size());
}

bool is_constant(std::span<const float> scores) {
  return std::all_of(scores.begin(), scores.end(), [&](float score) { return score == scores.front(); });
}

/// Pearson in float64; NaN when a side is constant or not finite.
double correlation(std::span<const float> predictions, std::span<const float> labels) {
  if (is_constant(predictions) || is_constant(labels)) return kUndefined;
  const auto mean = [](std::span<const float> scores) {
    double sum = 0;
    for (const float score : scores) sum += double(score);
    return sum / double(scores.size());
  };
  const double mean_p = mean(predictions), mean_l = mean(labels);
  double pp = 0, ll = 0, pl = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const double p = double(predictions[i]) - mean_p, l = double(labels[i]) - mean_l;
    pp += p * p;
    ll += l * l;
    pl += p * l;
  }
  const double scale = std::sqrt(pp) * std::sqrt(ll);
  return scale > 0 && std::isfinite(scale) ? std::clamp(pl / scale, -1.0, 1.0) : kUndefined;
}

void add_errors(Metrics& metrics, std::span<const float> predictions, std::span<const float> labels) {
  metrics.values.push_back({"MAE", mean_absolute_error(predictions, labels), labels.size(), false});
  metrics.values.push_back({"Corr", correlation(predictions, labels), labels.size()});
}

void add_accuracy(Metrics& metrics, int classes, std::span<const float> predictions, std::span<const float> labels) {
  const auto truth = classes_of(metrics.family, classes, labels);
  const auto predicted = classes_of(metrics.family, classes, predictions);
  metrics.values.push_back({fmt::format("Mult_acc_{}", classes), accuracy(truth, predicted), labels.size()});
}

void add_sims(Metrics& metrics, std::span<const float> raw_predictions, std::span<const float> raw_labels) {
  Scores predictions, labels;
  for (const float score : raw_predictions) predictions.push_back(clipped(score, 1));
  for (const float score : raw_labels) labels.push_back(clipped(score, 1));
  add_errors(metrics, predictions, labels);
  for (const int classes : {5, 3, 2}) add_accuracy(metrics, classes, predictions, labels);
  const auto truth = classes_of(metrics.family, 2, labels), predicted = classes_of(metrics.family, 2, predictions);
  metrics.values.push_back({"F1_score", weighted_f1(truth, predicted), labels.size()});
  metrics.values.push_back({"legacy_F1_score", weighted_f1(predicted, truth), labels.size()});
  // The reference has no class for NaN and stops.
  const auto is_nan = [](float score) { return std::isnan(score); };
  if (std::any_of(predictions.begin(), predictions.end(), is_nan) || std::any_of(labels.begin(), labels.end(), is_nan))
    for (auto& metric : metrics.values) metric.value = kUndefined;
}

void add_binary(Metrics& metrics, const std::string& prefix, std::span<const int> truth,
                std::span<const int> predicted) {
  metrics.values.push_back({prefix + "_acc_2", accuracy(truth, predicted), truth.size()});
  metrics.values.push_back({prefix + "_F1_score", weighted_f1(truth, predicted), truth.size()});
}

void add_mosi(Metrics& metrics, std::span<const float> predictions, std::span<const float> labels) {
  add_errors(metrics, predictions, labels);
  for (const int classes : {7, 5}) add_accuracy(metrics, classes, predictions, labels);
  const auto truth = classes_of(metrics.family, 2, labels), predicted = classes_of(metrics.family, 2, predictions);
  std::vector<int> nonzero_truth, nonzero_predicted;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] == 0) continue;
    nonzero_truth.push_back(labels[i] > 0 ? 1 : 0);
    nonzero_predicted.push_back(predictions[i] > 0 ? 1 : 0);
  }
  add_binary(metrics, "Has0", truth, predicted);
  add_binary(metrics, "Non0", nonzero_truth, nonzero_predicted);
  metrics.values.push_back({"legacy_Has0_F1_score", weighted_f1(predicted, truth), truth.size()});
  metrics.values.push_back(
      {"legacy_Non0_F1_score", weighted_f1(nonzero_predicted, nonzero_truth), nonzero_truth.size()});
}

/// Why this predictor carries no information; empty when it may carry some.
std::string degenerate_reason(MetricFamily family, std::span<const float> predictions, std::span<const float> labels) {
  const auto broken = std::count_if(predictions.begin(), predictions.end(), [](float s) { return !std::isfinite(s); });
  if (broken > 0) return fmt::format("{} of {} predictions are not finite", broken, predictions.size());
  if (predictions.size() < 2) return "";  // one clip says nothing about the predictor
  if (is_constant(predictions)) return fmt::format("constant prediction {:.4g}", predictions.front());
  if (family == MetricFamily::sims) {
    Scores inside;
    for (const float score : predictions) inside.push_back(clipped(score, 1));
    if (is_constant(inside)) return fmt::format("constant prediction {:.4g} after clipping", inside.front());
  }
  const auto is_positive = [](float score) { return score > 0; };
  const auto is_negative = [](float score) { return score < 0; };
  const bool has_both_signs =
      std::any_of(labels.begin(), labels.end(), is_positive) && std::any_of(labels.begin(), labels.end(), is_negative);
  if (has_both_signs && std::all_of(predictions.begin(), predictions.end(), is_positive))
    return "every prediction is positive";
  if (has_both_signs && std::all_of(predictions.begin(), predictions.end(), is_negative))
    return "every prediction is negative";
  return "";
}

}  // namespace

MetricFamily metric_family(std::string_view name) { return value_of<MetricFamily>(name, "metric family"); }

std::string_view metric_family_name(MetricFamily family) noexcept { return name_of(family); }

int score_class(MetricFamily family, int classes, float score) {
  check_classes(family, classes);
  return class_of(family, classes, score);
}

double Metrics::value(std::string_view name) const {
  for (const auto& metric : values)
    if (metric.name == name) return metric.value;
  std::vector<std::string> known;
  for (const auto& metric : values) known.push_back(metric.name);
  throw ConfigError(fmt::format("no metric \"{}\" in the {} family", name, metric_family_name(family)),
                    suggestion(name, known));
}

bool Metrics::has(std::string_view name) const noexcept {
  return std::any_of(values.begin(), values.end(), [&](const Metric& metric) { return metric.name == name; });
}

Metrics evaluate_metrics(MetricFamily family, std::span<const float> predictions, std::span<const float> labels) {
  if (predictions.size() != labels.size())
    throw DataError(fmt::format("metrics: {} predictions and {} labels", predictions.size(), labels.size()));
  if (labels.empty()) throw DataError("metrics: no clips", "is the split empty?");
  Metrics metrics;
  metrics.family = family;
  metrics.n = labels.size();
  metrics.degenerate = degenerate_reason(family, predictions, labels);
  if (family == MetricFamily::sims)
    add_sims(metrics, predictions, labels);
  else
    add_mosi(metrics, predictions, labels);
  return metrics;
}

}  // namespace kuda
