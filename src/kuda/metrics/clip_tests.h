#pragma once
// Statistics of metrics over the clips of a split. No LibTorch.
//
//   const auto intervals = metric_intervals(family, scores, labels);                 // by metric
//   const double p = paired_test(family, "MAE", kuda_scores, tfn_scores, labels);    // not corrected
//
// Several seeds. A table shows the mean of a metric over seeds, so that mean is what is resampled and tested: a clip
// keeps all its seeds together (stacked), because scores of one clip by several seeds are no independent clips, and
// averaging the scores of the seeds would grade an ensemble that no row of the table shows.

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kuda/metrics/metrics.h"
#include "kuda/metrics/statistics.h"

namespace kuda {

/// Scores of one system: [seeds][clips].
using SeedScores = std::vector<std::vector<float>>;

/// Bootstrap over clips of each metric's mean over the seeds. `labels` are known and as many as clips (DataError).
[[nodiscard]] std::map<std::string, Interval> metric_intervals(MetricFamily family, const SeedScores& scores,
                                                               std::span<const float> labels,
                                                               const Resampling& resampling = kBootstrap);

/// Whether the metric is a mean over clips: MAE and the accuracies are, Corr and F1 are not.
[[nodiscard]] bool has_clip_values(std::string_view metric) noexcept;

/// What each clip adds to such a metric: its absolute error, or 1 (right class) or 0; NaN where the metric leaves the
/// clip out: that of evaluate_metrics on the clip alone.
[[nodiscard]] std::vector<double> clip_values(MetricFamily family, const std::string& metric,
                                              std::span<const float> scores, std::span<const float> labels);

/// Two-sided p of "these two systems could be exchanged on each clip". MAE: permutation_test on the clips' errors, mean
/// over the seeds of each system. Accuracies: mcnemar_test for one seed each, else as MAE. Corr:
/// correlation_permutation_test over as many seeds as both have, in their order. NaN for every other metric.
[[nodiscard]] double paired_test(MetricFamily family, const std::string& metric, const SeedScores& first,
                                 const SeedScores& second, std::span<const float> labels,
                                 const Resampling& resampling = kPermutations);

}  // namespace kuda
