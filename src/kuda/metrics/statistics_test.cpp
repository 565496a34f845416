// Against scipy 1.17.1 and statsmodels 0.15.0 on stored inputs: tests/data/statistics/make_reference.py asked them.

#include "kuda/metrics/statistics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "kuda/base/file.h"
#include "kuda/base/random.h"
#include "kuda/base/test_support.h"
#include "kuda/metrics/clip_tests.h"

namespace kuda {
namespace {

using nlohmann::json;
using testing::Each;
using Values = std::vector<double>;
using Table = std::vector<Values>;

const json& reference() {
  static const json content = json::parse(read_file(test::data_file("statistics/reference.json")));
  return content;
}

/// Four standard errors of a share that was counted in `draws` random draws, on both sides.
double sampling_error(double p, double draws_here, double draws_there) {
  return 4 * std::sqrt(p * (1 - p) * (1 / draws_here + 1 / draws_there));
}

TEST(Statistics, MeanDeviationAndIntervalOverSeedsAreThoseOfStatsmodels) {
  ASSERT_EQ(reference()["summaries"].size(), 4U);
  for (const auto& golden : reference()["summaries"]) {
    const auto summary = summarise(golden["values"].get<Values>());
    EXPECT_NEAR(summary.mean, golden["mean"].get<double>(), 1e-12);
    EXPECT_NEAR(summary.deviation, golden["deviation"].get<double>(), 1e-12);
    EXPECT_NEAR(summary.interval.low, golden["low"].get<double>(), 1e-9);
    EXPECT_NEAR(summary.interval.high, golden["high"].get<double>(), 1e-9);
  }
}

TEST(Statistics, OneSeedHasNoDeviationAndNoInterval) {
  const auto summary = summarise(Values{0.7});
  EXPECT_EQ(summary.mean, 0.7);
  EXPECT_TRUE(std::isnan(summary.deviation));
  EXPECT_TRUE(std::isnan(summary.interval.low));
  EXPECT_TRUE(std::isnan(summarise(Values{0.7, kUndefined}).mean)) << "an undefined value is not left out silently";
}

TEST(Statistics, PermutationTestIsThatOfScipy) {
  ASSERT_EQ(reference()["permutation"].size(), 4U);
  for (const auto& golden : reference()["permutation"]) {
    const double p = golden["p"];
    const double found = permutation_test(golden["differences"].get<Values>(), {40000});
    EXPECT_NEAR(found, p, golden["is_exact"] ? 1e-12 : sampling_error(p, 40000, 400000)) << golden["differences"];
  }
}

TEST(Statistics, PermutationTestOfCorrelationIsThatOfScipy) {
  ASSERT_EQ(reference()["correlation"].size(), 3U);
  for (const auto& golden : reference()["correlation"]) {
    const double p = golden["p"];
    const double found = correlation_permutation_test(golden["first"].get<Table>(), golden["second"].get<Table>(),
                                                      golden["labels"].get<Values>(), {20000});
    EXPECT_NEAR(found, p, golden["is_exact"] ? 1e-12 : sampling_error(p, 20000, 20000)) << golden["labels"].size();
  }
}

TEST(Statistics, McNemarIsThatOfStatsmodelsAndThePermutationTestOfOneSeed) {
  ASSERT_EQ(reference()["mcnemar"].size(), 5U);
  for (const auto& golden : reference()["mcnemar"]) {
    const std::size_t only_first = golden["only_first"], only_second = golden["only_second"];
    EXPECT_NEAR(mcnemar_test(only_first, only_second), golden["p"].get<double>(), 1e-12);
    if (only_first + only_second > 12) continue;  // so that every exchange is looked at
    Values differences(only_first, 1);
    differences.insert(differences.end(), only_second, -1);
    EXPECT_NEAR(permutation_test(differences), golden["p"].get<double>(), 1e-12);
  }
  EXPECT_EQ(mcnemar_test(0, 0), 1);
}

TEST(Statistics, HolmIsThatOfStatsmodels) {
  ASSERT_EQ(reference()["holm"].size(), 4U);
  for (const auto& golden : reference()["holm"]) {
    const auto corrected = holm(golden["p"].get<Values>());
    ASSERT_EQ(corrected.size(), golden["corrected"].size());
    for (std::size_t i = 0; i < corrected.size(); ++i)
      EXPECT_NEAR(corrected[i], golden["corrected"][i].get<double>(), 1e-12);
  }
}

TEST(Statistics, HolmOverALargerFamilyIsNeverSmallerThanOverAllOfIt) {
  Random random(3);
  for (int repeat = 0; repeat < 200; ++repeat) {
    Values all(10);
    for (auto& p : all) p = random.uniform() * random.uniform();
    const auto whole = holm(all);
    const auto part = holm(std::span<const double>(all).first(4), all.size());
    for (std::size_t i = 0; i < part.size(); ++i) EXPECT_GE(part[i], whole[i] - 1e-12);
  }
  EXPECT_TRUE(std::isnan(holm(Values{kUndefined, 0.01})[0]));
  EXPECT_EQ(holm(Values{kUndefined, 0.01})[1], 0.01);
}

// scipy drew 100000 times, here 20000: the error of a 2.5 % quantile is 0.02 standard errors, four of them allowed.
TEST(Statistics, BootstrapIntervalsAreThoseOfScipy) {
  const auto& golden = reference()["bootstrap"];
  const auto intervals = metric_intervals(MetricFamily::mosi, {golden["predictions"].get<std::vector<float>>()},
                                          golden["labels"].get<std::vector<float>>(), {20000});
  ASSERT_EQ(golden["intervals"].size(), 3U);
  for (const auto& [metric, expected] : golden["intervals"].items()) {
    const double tolerance = 0.08 * expected["error"].get<double>() +
                             (metric == "Mult_acc_7" ? 1.0 / 80 : 0);  // of 80 clips: a grid of 1/80
    EXPECT_NEAR(intervals.at(metric).low, expected["low"].get<double>(), tolerance) << metric;
    EXPECT_NEAR(intervals.at(metric).high, expected["high"].get<double>(), tolerance) << metric;
  }
}

TEST(Statistics, AnUndefinedValueMakesNoInterval) {
  const auto intervals = bootstrap_intervals(4, [](std::span<const std::size_t> rows) {
    return Values{double(rows[0]), rows[0] < 2 ? kUndefined : 1.0};
  });
  ASSERT_EQ(intervals.size(), 2U);
  EXPECT_EQ(intervals[0].low, 0);
  EXPECT_EQ(intervals[0].high, 3);
  EXPECT_TRUE(std::isnan(intervals[1].low));
}

/// Scores off from the labels by normal noise, some seeds of one system.
SeedScores noisy(const std::vector<float>& labels, double deviation, std::size_t seeds, std::uint64_t stream) {
  Random noise(stream);
  SeedScores scores(seeds);
  for (auto& row : scores)
    for (const float label : labels) row.push_back(float(label + deviation * noise.normal()));
  return scores;
}

std::vector<float> some_labels(std::size_t n) {
  Random random(1);
  std::vector<float> labels;
  for (std::size_t i = 0; i < n; ++i) labels.push_back(float(std::round(random.uniform(-3, 3) * 5) / 5));
  return labels;
}

TEST(ClipTests, ValuesOfClipsGiveTheMetricAsTheirMean) {
  const auto labels = some_labels(200);
  const auto scores = noisy(labels, 1, 1, 7).front();
  const auto whole = evaluate_metrics(MetricFamily::mosi, scores, labels);
  for (const auto& metric : whole.values) {
    if (!has_clip_values(metric.name)) continue;
    double sum = 0;
    std::size_t n = 0;
    for (const double value : clip_values(MetricFamily::mosi, metric.name, scores, labels)) {
      if (std::isnan(value)) continue;
      sum += value;
      ++n;
    }
    EXPECT_EQ(n, metric.n) << metric.name;
    EXPECT_NEAR(sum / double(n), metric.value, 1e-12) << metric.name;
  }
  EXPECT_TRUE(has_clip_values("Non0_acc_2"));
  EXPECT_FALSE(has_clip_values("Corr"));
  EXPECT_FALSE(has_clip_values("Non0_F1_score"));
}

TEST(ClipTests, TheValueOfAClipIsTheMetricOfThatClipAlone) {
  const float nan = std::nanf("");
  std::vector<float> values{-4, -3.5F, -2.5F, -1.5F, -1, -0.7F, -0.5F, -0.1F, -0.0F,
                            0,  0.1F,  0.5F,  0.7F,  1,  1.5F,  2.5F,  9};
  for (const auto family : {MetricFamily::mosi, MetricFamily::sims})
    for (const float label : values)
      for (const float score : values) {
        for (const float shown : {score, nan}) {
          const std::vector<float> scores{shown}, labels{label};
          for (const auto& metric : evaluate_metrics(family, scores, labels).values) {
            if (!has_clip_values(metric.name)) continue;
            const auto found = clip_values(family, metric.name, scores, labels);
            EXPECT_TRUE(found.front() == metric.value || (std::isnan(found.front()) && std::isnan(metric.value)))
                << metric.name << " of " << shown << " and " << label << ": " << found.front() << ", not "
                << metric.value;
          }
        }
      }
}

TEST(ClipTests, AClearDifferenceIsFoundAndNoneIsNot) {
  const auto labels = some_labels(150);
  const auto good = noisy(labels, 0.4, 3, 11), poor = noisy(labels, 1.2, 2, 12);
  for (const char* metric : {"MAE", "Corr", "Mult_acc_7"}) {
    EXPECT_LT(paired_test(MetricFamily::mosi, metric, good, poor, labels), 0.01) << metric;
    EXPECT_EQ(paired_test(MetricFamily::mosi, metric, good, good, labels), 1) << metric;
  }
  EXPECT_TRUE(std::isnan(paired_test(MetricFamily::mosi, "Non0_F1_score", good, poor, labels)));
}

TEST(ClipTests, OneSeedOfEachGivesMcNemarOnTheClipsThatCount) {
  const std::vector<float> labels{1, 1, 1, 1, 1, 0}, first{1, 1, 1, 1, 1, -1}, second{-1, -1, -1, 1, 1, 1};
  EXPECT_EQ(paired_test(MetricFamily::mosi, "Non0_acc_2", {first}, {second}, labels), mcnemar_test(3, 0));
  EXPECT_EQ(paired_test(MetricFamily::mosi, "Has0_acc_2", {first}, {second}, labels), mcnemar_test(3, 1));
}

}  // namespace
}  // namespace kuda
