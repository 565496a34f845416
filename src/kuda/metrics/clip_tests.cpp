#include "kuda/metrics/clip_tests.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "kuda/base/error.h"

namespace kuda {
namespace {

double absolute_error(float score, float label) { return double(std::abs(score - label)); }

/// Of an accuracy whose name ends with its number of classes: "Mult_acc_7".
std::function<double(float score, float label)> same_class(MetricFamily family, const std::string& metric) {
  const int classes = metric.back() - '0';
  return [=](float score, float label) {
    const int truth = score_class(family, classes, label);
    return double(truth != kNoClass && truth == score_class(family, classes, score));
  };
}

/// What evaluate_metrics gives for one clip (a test compares them), without the other metrics and their names: a report
/// of many runs asks a million times.
std::function<double(float score, float label)> clip_value(MetricFamily family, const std::string& metric) {
  if (family == MetricFamily::sims) {
    // The family clips both, and has no class for NaN.
    const auto inside = metric == "MAE" ? std::function(absolute_error) : same_class(family, metric);
    return [inside](float score, float label) {
      if (std::isnan(score) || std::isnan(label)) return kUndefined;
      return inside(std::clamp(score, -1.0F, 1.0F), std::clamp(label, -1.0F, 1.0F));
    };
  }
  if (metric == "MAE") return absolute_error;
  if (metric == "Non0_acc_2")
    return [](float score, float label) { return label == 0 ? kUndefined : double((score > 0) == (label > 0)); };
  return same_class(family, metric);
}

/// Mean over seeds of clip_values.
std::vector<double> mean_clip_values(MetricFamily family, const std::string& metric, const SeedScores& scores,
                                     std::span<const float> labels) {
  std::vector<double> mean(labels.size(), 0);
  for (const auto& row : scores) {
    const auto values = clip_values(family, metric, row, labels);
    for (std::size_t i = 0; i < mean.size(); ++i) mean[i] += values[i] / double(scores.size());
  }
  return mean;
}

/// As the metrics see a score: the sims family clips it.
std::vector<std::vector<double>> as_seen(MetricFamily family, const SeedScores& scores, std::size_t seeds) {
  std::vector<std::vector<double>> result;
  for (std::size_t s = 0; s < seeds; ++s) {
    result.emplace_back(scores[s].begin(), scores[s].end());
    if (family == MetricFamily::sims)
      for (auto& score : result.back()) score = std::clamp(score, -1.0, 1.0);
  }
  return result;
}

double correlation_test(MetricFamily family, const SeedScores& first, const SeedScores& second,
                        std::span<const float> labels, const Resampling& resampling) {
  const auto seeds = std::min(first.size(), second.size());
  const auto truth = as_seen(family, {std::vector<float>(labels.begin(), labels.end())}, 1);
  return correlation_permutation_test(as_seen(family, first, seeds), as_seen(family, second, seeds), truth.front(),
                                      resampling);
}

}  // namespace

std::map<std::string, Interval> metric_intervals(MetricFamily family, const SeedScores& scores,
                                                 std::span<const float> labels, const Resampling& resampling) {
  std::vector<std::string> names;
  for (const auto& metric : evaluate_metrics(family, scores.at(0), labels).values) names.push_back(metric.name);
  std::vector<float> drawn_scores(labels.size()), drawn_labels(labels.size());
  const auto statistics = [&](std::span<const std::size_t> rows) {
    std::vector<double> means(names.size(), 0);
    for (std::size_t i = 0; i < rows.size(); ++i) drawn_labels[i] = labels[rows[i]];
    for (const auto& seed : scores) {
      for (std::size_t i = 0; i < rows.size(); ++i) drawn_scores[i] = seed[rows[i]];
      const auto metrics = evaluate_metrics(family, drawn_scores, drawn_labels);
      for (std::size_t m = 0; m < names.size(); ++m) means[m] += metrics.values[m].value / double(scores.size());
    }
    return means;
  };
  const auto intervals = bootstrap_intervals(labels.size(), statistics, resampling);
  std::map<std::string, Interval> result;
  for (std::size_t m = 0; m < names.size(); ++m) result[names[m]] = intervals[m];
  return result;
}

bool has_clip_values(std::string_view metric) noexcept {
  return metric == "MAE" || metric.find("acc") != std::string_view::npos;
}

std::vector<double> clip_values(MetricFamily family, const std::string& metric, std::span<const float> scores,
                                std::span<const float> labels) {
  if (scores.size() != labels.size()) throw DataError("clip values: as many scores as labels are needed");
  const auto value_of = clip_value(family, metric);
  std::vector<double> values;
  values.reserve(scores.size());
  for (std::size_t i = 0; i < scores.size(); ++i) values.push_back(value_of(scores[i], labels[i]));
  return values;
}

double paired_test(MetricFamily family, const std::string& metric, const SeedScores& first, const SeedScores& second,
                   std::span<const float> labels, const Resampling& resampling) {
  if (metric == "Corr") return correlation_test(family, first, second, labels, resampling);
  if (!has_clip_values(metric)) return kUndefined;
  const auto a = mean_clip_values(family, metric, first, labels);
  const auto b = mean_clip_values(family, metric, second, labels);
  std::vector<double> differences;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (!std::isnan(a[i]) && !std::isnan(b[i])) differences.push_back(a[i] - b[i]);
  if (metric == "MAE" || first.size() > 1 || second.size() > 1) return permutation_test(differences, resampling);
  return mcnemar_test(std::size_t(std::count(differences.begin(), differences.end(), 1.0)),
                      std::size_t(std::count(differences.begin(), differences.end(), -1.0)));
}

}  // namespace kuda
