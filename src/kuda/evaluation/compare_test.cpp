#include "kuda/evaluation/compare.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/base/random.h"
#include "kuda/runs/report.h"
#include "kuda/training/test_toy_model.h"

namespace kuda {
namespace {

namespace fs = std::filesystem;
using test::error_of;
using test::scratch_folder;
using testing::HasSubstr;

/// Labels in [-3, 3], scores off by normal noise of the given deviation.
std::vector<Prediction> noisy(double deviation, std::uint64_t seed, int count = 200) {
  Random labels(1), noise(seed);
  std::vector<Prediction> predictions;
  for (int i = 0; i < count; ++i) {
    const double label = std::round(labels.uniform(-3, 3) * 5) / 5;
    predictions.push_back(
        {"clip_" + std::to_string(i), Split::test, float(label), float(label + deviation * noise.normal()), {}});
  }
  return predictions;
}

TEST(Compare, TheBetterOneIsFoundAndTheDifferenceIsThatOfTheMetrics) {
  const auto rough = noisy(1.0, 2), fine = noisy(0.5, 3);
  const auto comparison = compare("rough", rough, "fine", fine, MetricFamily::mosi);
  ASSERT_EQ(comparison.rows.size(), 2U);
  EXPECT_EQ(comparison.difference[0].first, "MAE");
  EXPECT_NEAR(comparison.difference[0].second,
              comparison.rows[1].metrics.value("MAE") - comparison.rows[0].metrics.value("MAE"), 1e-12);
  EXPECT_NEAR(comparison.errors.mean, comparison.difference[0].second, 1e-6) << "MAE is a float32 mean";
  EXPECT_LT(comparison.errors.high, 0);
  EXPECT_LT(comparison.errors.low, comparison.errors.mean);
  EXPECT_GT(comparison.errors.high, comparison.errors.mean);
  EXPECT_GT(comparison.errors.second_better, comparison.errors.first_better);
  EXPECT_THAT(comparison.table(), HasSubstr("the second is better"));
  for (std::size_t i = 1; i < comparison.clips.size(); ++i)
    EXPECT_GE(std::abs(comparison.clips[i - 1].first - comparison.clips[i - 1].second),
              std::abs(comparison.clips[i].first - comparison.clips[i].second));
}

TEST(Compare, TheIntervalHasTheSizeOfTheStandardError) {
  const auto comparison = compare("a", noisy(0.5, 2, 2000), "b", noisy(0.5, 3, 2000), MetricFamily::mosi);
  double sum = 0, squares = 0;
  for (const auto& clip : comparison.clips) {
    const double d = std::abs(double(clip.second) - clip.label) - std::abs(double(clip.first) - clip.label);
    sum += d;
    squares += d * d;
  }
  const double error = std::sqrt((squares - sum * sum / 2000) / 1999 / 2000);
  EXPECT_NEAR((comparison.errors.high - comparison.errors.low) / (2 * 1.96 * error), 1, 0.1);  // 2000 resamples
}

TEST(Compare, EqualPredictorsHaveNoClearDifference) {
  const auto one = noisy(0.7, 2);
  auto shuffled = one;
  Random(4).shuffle(shuffled);
  const auto comparison = compare("a", one, "b", shuffled, MetricFamily::sims);
  EXPECT_EQ(comparison.errors.mean, 0);
  EXPECT_FALSE(comparison.errors.is_clear());
  EXPECT_EQ(comparison.errors.first_better + comparison.errors.second_better, 0U);
  for (const auto& [name, value] : comparison.difference) EXPECT_EQ(value, 0) << name;
  EXPECT_THAT(comparison.table(), HasSubstr("no clear difference"));
}

TEST(Compare, OnlyTheSameClipsAreCompared) {
  const auto all = noisy(1, 2, 5);
  auto fewer = all;
  fewer.pop_back();
  const auto compare_with = [&](const std::vector<Prediction>& other) {
    return error_of<DataError>([&] { (void)compare("a", all, "b", other, MetricFamily::mosi); });
  };
  EXPECT_THAT(compare_with(fewer), HasSubstr("b has no score for 1 clips of a: clip_4"));
  auto twice = all;
  twice.push_back(all[0]);
  EXPECT_THAT(compare_with(twice), HasSubstr("'clip_0' comes twice"));
  auto relabelled = all;
  relabelled[2].label += 1;
  EXPECT_THAT(compare_with(relabelled), HasSubstr("clip 'clip_2': label"));
}

TEST(Compare, WithoutLabelsOnlyScoresAreCompared) {
  auto a = noisy(1, 2, 4), b = noisy(1, 3, 4);
  for (auto* side : {&a, &b})
    for (auto& prediction : *side) prediction.label = kUnknown;
  const auto comparison = compare("a", a, "b", b, MetricFamily::mosi);
  EXPECT_TRUE(comparison.rows.empty());
  EXPECT_EQ(comparison.clips.size(), 4U);
  EXPECT_THAT(comparison.table(), HasSubstr("label -"));
  EXPECT_TRUE(nlohmann::json::parse(comparison.to_json()).at("clips")[0].at("label").is_null());
}

/// A folder that looks like a run.
fs::path run_folder(const std::string& name, const std::vector<Prediction>& predictions, const std::string& fingerprint,
                    const std::string& select = "valid") {
  const auto folder = scratch_folder(name);
  write_predictions(folder / "predictions.csv", predictions);
  ReportFacts facts;
  facts.task = "main";
  facts.model = name;
  facts.data = "made";
  facts.data_fingerprint = fingerprint;
  facts.select = select;
  write_file(folder / "metrics.json", make_report(facts, predictions, {}).to_json());
  return folder;
}

TEST(CompareFiles, OfRunFoldersOnOneDataSet) {
  const auto a = run_folder("a", noisy(1, 2), "f1"), b = run_folder("b", noisy(0.5, 3), "f1", "test");
  const auto comparison = compare_files(a, b / "predictions.csv", Split::test);
  EXPECT_TRUE(comparison.errors.is_clear());
  ASSERT_EQ(comparison.notes.size(), 1U);
  EXPECT_THAT(comparison.notes[0], HasSubstr("chosen on the test split"));
  EXPECT_THAT(error_of<DataError>([&] { (void)compare_files(a, b, Split::valid); }), HasSubstr("no clip of the split"));
}

TEST(CompareFiles, OtherDataIsRefusedUnlessForced) {
  auto more = noisy(0.5, 3, 210);
  const auto a = run_folder("a", noisy(1, 2), "f1"), b = run_folder("b", more, "f2");
  EXPECT_THAT(error_of<DataError>([&] { (void)compare_files(a, b, Split::test); }),
              HasSubstr("made on different data"));
  const auto comparison = compare_files(a, b, Split::test, /*force=*/true);
  EXPECT_EQ(comparison.errors.n, 200U);
  EXPECT_THAT(comparison.notes[0], HasSubstr("only the 200 clips that both have"));
}

TEST(CompareFiles, WithoutMetricsTheFamilyIsUnknown) {
  const auto folder = scratch_folder("bare");
  write_predictions(folder / "predictions.csv", noisy(1, 2, 5));
  EXPECT_THAT(error_of<DataError>([&] { (void)compare_files(folder, folder, Split::test); }),
              HasSubstr("give run folders"));
}

}  // namespace
}  // namespace kuda
