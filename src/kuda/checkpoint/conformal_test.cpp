#include "kuda/checkpoint/conformal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/base/random.h"
#include "kuda/base/test_support.h"
#include "kuda/runs/report.h"

namespace kuda {
namespace {

using test::error_of;
using test::scratch;
using testing::HasSubstr;

constexpr float kNone = std::numeric_limits<float>::quiet_NaN();

/// Nine clips with score 0 and residuals 0.1, 0.2, ... 0.9, in another order.
Calibration nine_clips() {
  const std::vector<float> scores(9, 0.0F);
  const std::vector<float> labels{0.5F, -0.1F, 0.9F, 0.3F, -0.2F, 0.7F, -0.4F, 0.8F, -0.6F};
  return Calibration::fit(scores, labels);
}

TEST(Conformal, QuantileIsTheRankOfNPlusOne) {
  const std::vector<double> sorted{1, 2, 3, 4, 5, 6, 7, 8, 9};
  EXPECT_EQ(conformal_quantile(sorted, 0.8), 8) << "ceil(10 * 0.8) = 8";
  EXPECT_EQ(conformal_quantile(sorted, 0.9), 9) << "10 * 0.9 is 9, not the 10 that rounding up could make of it";
  EXPECT_EQ(conformal_quantile(sorted, 0.75), 8) << "ceil(7.5)";
  EXPECT_EQ(conformal_quantile(sorted, 0.01), 1);
  EXPECT_TRUE(std::isinf(conformal_quantile(sorted, 0.91))) << "rank 10 of 9";
  EXPECT_TRUE(std::isinf(conformal_quantile({}, 0.5)));
}

TEST(Conformal, IntervalIsTheScoreAndAResidualOnBothSides) {
  const auto calibration = nine_clips();
  EXPECT_EQ(calibration.size(), 9U);
  const auto interval = calibration.interval(0.25F, 0.8);
  EXPECT_NEAR(interval.low, 0.25 - 0.8, 1e-7);  // labels are float32
  EXPECT_NEAR(interval.high, 0.25 + 0.8, 1e-7);
  EXPECT_EQ(interval.level, 0.8);
  EXPECT_TRUE(interval.is_determined());
  EXPECT_FALSE(calibration.interval(0.25F, 0.95).is_determined()) << "that needs 19 clips";
  for (const double level : {0.0, 1.0, -0.5, std::numeric_limits<double>::quiet_NaN()})
    EXPECT_THROW((void)calibration.interval(0, level), ConfigError);
}

TEST(Conformal, NineteenClipsAreTheFewestFor95Percent) {
  const std::vector<float> scores(19, 0.0F);
  std::vector<float> labels(19);
  for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = float(i) + 1;
  EXPECT_EQ(Calibration::fit(scores, labels).half_width(0, 0.95), 19);
  labels.pop_back();
  EXPECT_TRUE(std::isinf(Calibration::fit(std::span(scores).first(18), labels).half_width(0, 0.95)));
}

TEST(Conformal, ByMagnitudeEachThirdHasItsOwnWidth) {
  // |score| 1 to 9, so the thirds end at 3 and at 6; residuals 1/8, 2/8, 3/8, then 8 and 64 times that: all exact.
  const std::vector<float> scores{1, -2, 3, 4, 5, -6, 7, 8, 9};
  std::vector<float> labels;
  for (std::size_t i = 0; i < scores.size(); ++i)
    labels.push_back(scores[i] + 0.125F * float(i % 3 + 1) * (i < 3 ? 1.0F : i < 6 ? 8.0F : 64.0F));
  const auto calibration = Calibration::fit(scores, labels);
  const auto half = [&](float score) { return calibration.half_width(score, 0.5, IntervalForm::magnitude); };
  EXPECT_EQ(half(0), 0.25) << "ceil(4 * 0.5) = 2 of three";
  EXPECT_EQ(half(-3), 0.25);
  EXPECT_EQ(half(3.5F), 2);
  EXPECT_EQ(half(-6), 2);
  EXPECT_EQ(half(6.5F), 16);
  EXPECT_TRUE(std::isinf(calibration.half_width(0, 0.9, IntervalForm::magnitude))) << "three clips are too few";
  EXPECT_EQ(calibration.half_width(0, 0.9), 24) << "nine are enough";
}

TEST(Conformal, ClipsWithoutLabelAreLeftOut) {
  const std::vector<float> scores{0, 5}, labels{1, kNone};
  EXPECT_EQ(Calibration::fit(scores, labels).size(), 1U);
  EXPECT_THROW((void)Calibration::fit(std::span(scores).last(1), std::span(labels).last(1)), DataError);
  EXPECT_THROW((void)Calibration::fit(scores, std::span(labels).first(1)), DataError);
}

TEST(Conformal, SavedAndLoadedItGivesTheSameBytesAndIntervals) {
  const auto calibration = nine_clips();
  const auto path = scratch("calibration.json"), again = scratch("again.json");
  calibration.save(path);
  const auto loaded = Calibration::load(path);
  loaded.save(again);
  EXPECT_EQ(read_file(path), read_file(again));
  EXPECT_EQ(loaded.half_width(0, 0.8), calibration.half_width(0, 0.8));
}

TEST(Conformal, DamagedFilesAreCheckpointErrors) {
  const auto path = scratch("calibration.json");
  for (const char* text :
       {"", "{\"format\": 1}", "{\"format\":1,\"magnitudes\":[],\"residuals\":[]}",
        "{\"format\":1,\"magnitudes\":[1],\"residuals\":[1,2]}", "{\"format\":1,\"magnitudes\":[1],\"residuals\":[-1]}",
        "{\"format\":2,\"magnitudes\":[1],\"residuals\":[1]}"}) {
    write_file(path, text);
    EXPECT_THAT(error_of<CheckpointError>([&] { (void)Calibration::load(path); }), HasSubstr("calibration.json"))
        << text;
  }
}

/// Mean coverage over draws of `clips` calibration clips and one new clip each, errors growing with |score|.
double simulated_coverage(IntervalForm form, std::size_t clips, double level, bool only_strong) {
  Random random(stream_seed(7, "coverage"));
  std::size_t covered = 0, counted = 0;
  const auto draw = [&](float& score, float& label) {
    score = float(random.uniform(-3, 3));
    label = score + float((0.1 + std::abs(score)) * random.normal());
  };
  while (counted < 4000) {
    std::vector<float> scores(clips), labels(clips);
    for (std::size_t i = 0; i < clips; ++i) draw(scores[i], labels[i]);
    float score = 0, label = 0;
    draw(score, label);
    if (only_strong && std::abs(score) < 2.5F) continue;
    ++counted;
    covered += std::abs(label - score) <= Calibration::fit(scores, labels).half_width(score, level, form) ? 1 : 0;
  }
  return double(covered) / double(counted);
}

TEST(Conformal, CoversWhatItPromises) {
  // 4000 draws: the standard error of a share near 0.9 is 0.0047, and 4 of them are 0.019. 59 clips give exactly
  // 54 / 60 = 0.9 in theory.
  EXPECT_NEAR(simulated_coverage(IntervalForm::split, 59, 0.9, false), 0.9, 0.019);
  // Thirds of 19 to 20 clips: at most 1 / 20 above the level, and the edges come from the same clips (a little below).
  const double by_magnitude = simulated_coverage(IntervalForm::magnitude, 59, 0.9, false);
  EXPECT_GT(by_magnitude, 0.9 - 0.03);
  EXPECT_LT(by_magnitude, 0.95 + 0.019);
}

TEST(Conformal, ByMagnitudeCoversStrongScoresThatOneWidthDoesNot) {
  EXPECT_LT(simulated_coverage(IntervalForm::split, 59, 0.9, true), 0.85);
  EXPECT_GT(simulated_coverage(IntervalForm::magnitude, 59, 0.9, true), 0.85);
}

TEST(Conformal, CoverageCountsLabelsInsideByFormAndLevel) {
  const auto calibration = nine_clips();
  const std::vector<float> scores{0, 0, 0, 0, 1}, labels{0.5F, 0.85F, -0.85F, kNone, 1};
  const auto coverage = coverage_of(calibration, scores, labels);
  ASSERT_EQ(coverage.size(), kIntervalForms.size() * kLevels.size());
  EXPECT_EQ(coverage[0].level, 0.8);
  EXPECT_EQ(coverage[0].n, 4U);
  EXPECT_EQ(coverage[0].covered, 2U) << "0.85 is beyond 0.8";
  EXPECT_EQ(coverage[0].share(), 0.5);
  EXPECT_NEAR(coverage[0].half_width, 0.8, 1e-7);
  EXPECT_EQ(coverage[1].covered, 4U) << "0.9";
  EXPECT_TRUE(std::isinf(coverage[2].half_width));
  const auto lines = coverage_lines(coverage, 9);
  EXPECT_THAT(lines, HasSubstr("intervals: 80 % covers 50.0 %, ± 0.800; 90 % covers 100.0 %, ± 0.900; 95 % "
                               "undetermined; from 9 validation clips\n"));
  EXPECT_THAT(lines, HasSubstr("intervals by magnitude: "));
}

TEST(Conformal, AReportKeepsItsCoverage) {
  std::vector<Prediction> predictions;
  for (int i = 0; i < 12; ++i) {
    Prediction clip;
    clip.id = "clip " + std::to_string(i);
    clip.split = i < 8 ? Split::test : Split::train;
    clip.score = 0.1F * float(i) - 0.4F;
    clip.label = 0.3F - 0.05F * float(i);
    predictions.push_back(clip);
  }
  ReportFacts facts;
  facts.model = "kuda";
  facts.task = "main";
  facts.family = MetricFamily::mosi;
  auto report = make_report(facts, predictions, {});
  EXPECT_FALSE(report.intervals.has_value());
  report.intervals = check_intervals(nine_clips(), predictions);
  ASSERT_TRUE(report.intervals.has_value());
  EXPECT_EQ(report.intervals->coverage[0].n, 8U) << "the test split only";
  const auto path = scratch("metrics.json");
  write_file(path, report.to_json());
  EXPECT_EQ(read_report(path).to_json(), report.to_json());
  EXPECT_THAT(report.table(Split::test), HasSubstr("intervals: 80 % covers"));
  EXPECT_THAT(report.table(Split::train), testing::Not(HasSubstr("intervals")));
  for (auto& clip : predictions) clip.label = kUnknown;
  EXPECT_FALSE(check_intervals(nine_clips(), predictions).has_value());
}

}  // namespace
}  // namespace kuda
