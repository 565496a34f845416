#include "kuda/metrics/statistics.h"

#include <algorithm>
#include <boost/math/distributions/binomial.hpp>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <numeric>

#include "kuda/base/error.h"
#include "kuda/base/random.h"

namespace kuda {
namespace {

/// Two sums of the same numbers in another order differ by rounding only: they count as equal.
constexpr double kRounding = 1e-12;

Interval percentile_interval(std::vector<double> values, std::size_t drawn) {
  std::erase_if(values, [](double value) { return std::isnan(value); });
  if (values.empty() || values.size() * 20 < drawn * 19) return {};
  std::sort(values.begin(), values.end());
  return {values[values.size() * 25 / 1000], values[std::max<std::size_t>(values.size() * 975 / 1000, 1) - 1]};
}

/// Share of the exchanges whose statistic is at least as far from 0 as the observed one.
/// `statistic` takes one flag per clip: its two systems are exchanged.
template <class Statistic>
double p_of_exchanges(std::size_t n, double tolerance, const Resampling& resampling, const Statistic& statistic) {
  std::vector<char> is_exchanged(n, 0);
  const double observed = std::abs(statistic(is_exchanged)) - tolerance;
  std::size_t extreme = 0;
  if (n < 63 && (std::size_t(1) << n) <= resampling.count) {
    const std::size_t all = std::size_t(1) << n;
    for (std::size_t pattern = 0; pattern < all; ++pattern) {
      for (std::size_t i = 0; i < n; ++i) is_exchanged[i] = char((pattern >> i) & 1U);
      extreme += std::abs(statistic(is_exchanged)) >= observed ? 1 : 0;
    }
    return double(extreme) / double(all);
  }
  constexpr std::size_t kBits = 32;
  Random random(stream_seed(resampling.seed, "permutation"));
  for (std::size_t draw = 0; draw < resampling.count; ++draw) {
    std::uint64_t bits = 0;
    for (std::size_t i = 0; i < n; ++i, bits >>= 1U) {
      if (i % kBits == 0) bits = random.below(std::uint64_t(1) << kBits);
      is_exchanged[i] = char(bits & 1U);
    }
    extreme += std::abs(statistic(is_exchanged)) >= observed ? 1 : 0;
  }
  return double(extreme + 1) / double(resampling.count + 1);
}

/// Mean 0, deviation 1 (of the population); empty when constant or not finite.
std::vector<double> standardised(std::span<const double> values) {
  const double n = double(values.size());
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / n;
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  const double deviation = std::sqrt(squares / n);
  if (!(deviation > 0) || !std::isfinite(deviation)) return {};
  std::vector<double> result;
  for (const double value : values) result.push_back((value - mean) / deviation);
  return result;
}

/// Sums from which a correlation with standardised labels follows.
struct Moments {
  double sum = 0, squares = 0, products = 0;
  void add(double score, double label, double sign = 1) {
    sum += sign * score;
    squares += sign * score * score;
    products += sign * score * label;
  }
  [[nodiscard]] double correlation(double n) const {
    const double variance = squares / n - (sum / n) * (sum / n);
    return variance > 0 ? products / n / std::sqrt(variance) : 0;  // labels have mean 0 and deviation 1
  }
};

}  // namespace

Summary summarise(std::span<const double> values) {
  Summary summary;
  summary.n = values.size();
  if (values.empty()) return summary;
  const double n = double(values.size());
  summary.mean = std::accumulate(values.begin(), values.end(), 0.0) / n;
  if (values.size() < 2 || !std::isfinite(summary.mean)) return summary;
  double squares = 0;
  for (const double value : values) squares += (value - summary.mean) * (value - summary.mean);
  summary.deviation = std::sqrt(squares / (n - 1));
  const double half = boost::math::quantile(boost::math::students_t(n - 1), 0.975) * summary.deviation / std::sqrt(n);
  summary.interval = {summary.mean - half, summary.mean + half};
  return summary;
}

std::vector<Interval> bootstrap_intervals(std::size_t n, const RowStatistics& statistics,
                                          const Resampling& resampling) {
  Random random(stream_seed(resampling.seed, "bootstrap"));
  std::vector<std::size_t> rows(n);
  std::vector<std::vector<double>> drawn;
  for (std::size_t draw = 0; draw < resampling.count; ++draw) {
    for (auto& row : rows) row = random.below(n);
    const auto values = statistics(rows);
    drawn.resize(values.size());
    for (std::size_t i = 0; i < values.size(); ++i) drawn[i].push_back(values[i]);
  }
  std::vector<Interval> intervals;
  for (auto& values : drawn) intervals.push_back(percentile_interval(std::move(values), resampling.count));
  return intervals;
}

double permutation_test(std::span<const double> differences, const Resampling& resampling) {
  double sum = 0, scale = 0;
  for (const double difference : differences) {
    sum += difference;
    scale += std::abs(difference);
  }
  if (!std::isfinite(sum)) return kUndefined;
  if (scale == 0) return 1;
  return p_of_exchanges(differences.size(), kRounding * scale, resampling, [&](const std::vector<char>& is_exchanged) {
    double changed = sum;
    for (std::size_t i = 0; i < differences.size();
         ++i)  // without a branch, which would be guessed wrong half the time
      changed -= 2 * differences[i] * is_exchanged[i];
    return changed;
  });
}

double correlation_permutation_test(const std::vector<std::vector<double>>& first,
                                    const std::vector<std::vector<double>>& second, std::span<const double> labels,
                                    const Resampling& resampling) {
  if (first.size() != second.size() || first.empty())
    throw DataError("correlation test: " + std::to_string(first.size()) + " and " + std::to_string(second.size()) +
                    " rows of scores");
  const auto truth = standardised(labels);
  if (truth.empty()) return kUndefined;
  const std::size_t seeds = first.size(), n = truth.size();
  std::vector<std::vector<double>> a, b;
  std::vector<Moments> of_a(seeds), of_b(seeds);
  for (std::size_t s = 0; s < seeds; ++s) {
    if (first[s].size() != n || second[s].size() != n) throw DataError("correlation test: rows of unequal length");
    a.push_back(standardised(first[s]));
    b.push_back(standardised(second[s]));
    if (a.back().empty() || b.back().empty()) return kUndefined;
    for (std::size_t i = 0; i < n; ++i) {
      of_a[s].add(a[s][i], truth[i]);
      of_b[s].add(b[s][i], truth[i]);
    }
  }
  return p_of_exchanges(n, kRounding * double(seeds), resampling, [&](const std::vector<char>& is_exchanged) {
    double difference = 0;
    for (std::size_t s = 0; s < seeds; ++s) {
      Moments left = of_a[s], right = of_b[s];
      for (std::size_t i = 0; i < n; ++i) {  // without a branch, as above
        const double sign = is_exchanged[i];
        left.add(a[s][i], truth[i], -sign);
        left.add(b[s][i], truth[i], sign);
        right.add(b[s][i], truth[i], -sign);
        right.add(a[s][i], truth[i], sign);
      }
      difference += left.correlation(double(n)) - right.correlation(double(n));
    }
    return difference;
  });
}

double mcnemar_test(std::size_t only_first, std::size_t only_second) {
  const auto n = only_first + only_second;
  if (n == 0) return 1;
  const boost::math::binomial tail(double(n), 0.5);
  return std::min(1.0, 2 * boost::math::cdf(tail, double(std::min(only_first, only_second))));
}

std::vector<double> holm(std::span<const double> p_values, std::size_t family) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < p_values.size(); ++i)
    if (!std::isnan(p_values[i])) order.push_back(i);
  std::sort(order.begin(), order.end(), [&](std::size_t i, std::size_t j) { return p_values[i] < p_values[j]; });
  std::vector<double> corrected(p_values.size(), kUndefined);
  double largest = 0;
  const auto hypotheses = std::max(family, order.size());
  for (std::size_t rank = 0; rank < order.size(); ++rank) {
    largest = std::max(largest, std::min(1.0, double(hypotheses - rank) * p_values[order[rank]]));
    corrected[order[rank]] = largest;
  }
  return corrected;
}

}  // namespace kuda
