#pragma once
// Intervals and paired tests behind the tables of results. No LibTorch.
//
//   const Summary mae = summarise(mae_of_each_seed);                 // mean, deviation, 95 % interval
//   const double p = permutation_test(differences_of_each_clip);
//   const auto corrected = holm(p_values);                           // not separable where >= 0.05

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "kuda/metrics/metrics.h"

namespace kuda {

/// Two systems are called separable below this corrected p.
inline constexpr double kSignificance = 0.05;

struct Interval {
  double low = kUndefined, high = kUndefined;  ///< NaN where undefined
};

/// Values of several seeds.
struct Summary {
  std::size_t n = 0;
  double mean = kUndefined;       ///< NaN without values, or when one is NaN
  double deviation = kUndefined;  ///< sample standard deviation (n - 1); NaN below two values
  Interval interval;              ///< 95 % interval of the mean by Student's t; NaN below two values
};
[[nodiscard]] Summary summarise(std::span<const double> values);

/// How often to draw, and from which stream; the same numbers each time.
struct Resampling {
  std::size_t count;
  std::uint64_t seed = 1;
};
inline constexpr Resampling kBootstrap{2000}, kPermutations{10000};

/// Values of some rows, which may repeat (a resample of the clips).
using RowStatistics = std::function<std::vector<double>(std::span<const std::size_t> rows)>;

/// 95 % percentile bootstrap over n rows, one interval per value that `statistics` gives. Resamples in which a value is
/// NaN (Corr of a constant) are left out; where they are more than one in twenty the interval is NaN. n > 0.
[[nodiscard]] std::vector<Interval> bootstrap_intervals(std::size_t n, const RowStatistics& statistics,
                                                        const Resampling& resampling = kBootstrap);

/// Two-sided p of "the two systems of each clip could be exchanged", from the mean of their differences. All 2^n signs
/// where these are at most `resampling.count`, else that many random ones, the observed one counted with them.
/// No differences, or only zeros: 1.
[[nodiscard]] double permutation_test(std::span<const double> differences,
                                      const Resampling& resampling = kPermutations);

/// The same for Pearson's correlation with the labels, mean over seeds: the scores of a clip are exchanged between the
/// systems in all seeds at once, after each row of scores is brought to mean 0 and deviation 1 (Corr knows no scale).
///   first, second: [seeds][clips], as many seeds and clips on both sides (DataError); NaN where a Corr is undefined
[[nodiscard]] double correlation_permutation_test(const std::vector<std::vector<double>>& first,
                                                  const std::vector<std::vector<double>>& second,
                                                  std::span<const double> labels,
                                                  const Resampling& resampling = kPermutations);

/// McNemar's test, two-sided and exact for any counts (the binomial tail costs nothing, so there is no approximation):
/// clips that only the first or only the second system classifies correctly. It is the permutation test of one seed.
[[nodiscard]] double mcnemar_test(std::size_t only_first, std::size_t only_second);

/// Holm's step-down correction. `family`: number of hypotheses these are taken from, at least (and by default) those
/// given; the ones not given count as the largest, which never makes a p smaller than it should be. NaN stays NaN.
[[nodiscard]] std::vector<double> holm(std::span<const double> p_values, std::size_t family = 0);

}  // namespace kuda
