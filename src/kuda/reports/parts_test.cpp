// The parts of scores in a report, on runs that the test makes up: every number here is invented.

#include "kuda/reports/parts_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "kuda/base/file.h"
#include "kuda/base/test_support.h"
#include "kuda/io/csv.h"
#include "kuda/reports/write_report.h"

namespace kuda {
namespace {

using test::CaughtLog;
using test::scratch_folder;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

Prediction weighed_clip(const std::string& id, Split split, PerModality<float> ratio, PerModality<float> parts,
                        float correction) {
  Prediction clip;
  clip.id = id;
  clip.split = split;
  clip.label = 0.5F;
  clip.ratio = ratio;
  clip.parts = parts;
  clip.correction = correction;
  clip.score = correction;
  for (const float part : parts) clip.score += std::isnan(part) ? 0 : part;
  return clip;
}

/// Two clips: text leads; vision leads, and it lacks audio. The second seed has twice the parts.
SystemRuns weighing_system() {
  SystemRuns system;
  system.name = "kuda+selecting";
  for (const float factor : {1.0F, 2.0F}) {
    system.predictions.push_back(
        {weighed_clip("a", Split::test, {0.75F, 0.25F, 0}, {0.5F * factor, -0.25F * factor, 0}, 0.125F),
         weighed_clip("b", Split::test, {0.25F, 0.75F, 0}, {0, 1.0F * factor, kUnknown}, -0.375F)});
    system.runs.emplace_back().report.facts.seed = std::int64_t(factor);
    system.scores.push_back({system.predictions.back()[0].score, system.predictions.back()[1].score});
  }
  return system;
}

DataSetRuns weighed_data() {
  DataSetRuns data;
  data.name = data.facts.data = "sims";
  data.ids = {"a", "b"};
  data.labels = {0.5F, 0.5F};
  data.systems = {weighing_system()};
  return data;
}

TEST(Parts, MeansAreOverClipsThenOverSeeds) {
  const auto table = make_parts_table(weighed_data());
  ASSERT_TRUE(table.has_value());
  const auto& row = table->rows.at(0);
  EXPECT_EQ(row.num_seeds, 2U);
  EXPECT_EQ(row.ratio.text.mean, 0.5);
  EXPECT_EQ(row.size.text.mean, (0.25 + 0.5) / 2) << "of |0.5| and 0, and of twice that";
  EXPECT_EQ(row.size.vision.mean, (0.625 + 1.25) / 2) << "the sign does not count";
  EXPECT_EQ(row.size.audio.mean, 0) << "one clip lacks it";
  EXPECT_EQ(row.correction.mean, 0.25);
  EXPECT_THAT(parts_cells(*table)[1],
              ElementsAre("kuda+selecting", "2", "0.500 ± 0.000", "0.500 ± 0.000", "0.000 ± 0.000", "0.3750 ± 0.1768",
                          "0.9375 ± 0.4419", "0.0000 ± 0.0000", "0.2500 ± 0.0000"));
}

TEST(Parts, OfAClipTheyAddUpToTheScore) {
  const auto system = weighing_system();
  const auto parts = clip_parts(system);
  ASSERT_EQ(parts.size(), 2U);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto& [ratio, sums, correction] = parts[i];
    const double score = (double(system.scores[0][i]) + double(system.scores[1][i])) / 2;
    EXPECT_DOUBLE_EQ(sums.text + sums.vision + sums.audio + correction, score);
    EXPECT_DOUBLE_EQ(ratio.text + ratio.vision + ratio.audio, 1);
  }
  EXPECT_EQ(parts[1].parts.vision, 1.5);
}

TEST(Parts, SystemsWithoutARatioHaveNoneAndAFusionThatIsNoSumHasRatiosAlone) {
  auto data = weighed_data();
  auto& system = data.systems.emplace_back(weighing_system());
  system.name = "tfn";
  for (auto& clips : system.predictions)
    for (auto& clip : clips) {
      clip.ratio = clip.parts = {kUnknown, kUnknown, kUnknown};
      clip.correction = kUnknown;
    }
  EXPECT_EQ(make_parts_table(data)->rows.size(), 1U);
  EXPECT_TRUE(clip_parts(system).empty());
  EXPECT_THAT(clip_parts_csv({&data}), Not(HasSubstr("tfn")));
  data.systems.erase(data.systems.begin());
  EXPECT_FALSE(make_parts_table(data).has_value());
  for (auto& clips : data.systems[0].predictions)
    for (auto& clip : clips) clip.ratio = {0.5F, 0.5F, kUnknown};
  const auto cells = parts_cells(*make_parts_table(data));
  EXPECT_THAT(cells[1], ElementsAre("tfn", "2", "0.500 ± 0.000", "0.500 ± 0.000", "-", "-", "-", "-", "-"));
}

TEST(Parts, StandOnThePageAndInAFile) {
  const auto root = scratch_folder("runs"), out = scratch_folder("report");
  const auto folder = root / "sims/kuda+selecting/1";
  std::filesystem::create_directories(folder);
  const auto system = weighing_system();
  std::vector<Prediction> predictions;
  for (const auto split : kSplits)
    for (const auto& clip : system.predictions[0]) {
      predictions.push_back(clip);
      predictions.back().split = split;
    }
  write_predictions(folder / "predictions.csv", predictions);
  write_file(folder / "config.toml", "model = \"kuda\"\nseed = 1\n");
  write_file(folder / "run.json", "{}");
  write_file(folder / "epochs.jsonl", "");
  ReportFacts facts;
  facts.model = "kuda";
  facts.task = "main";
  facts.seed = 1;
  facts.data = "sims";
  facts.data_fingerprint = "f";
  facts.family = MetricFamily::sims;
  facts.chosen_epoch = facts.epochs = 1;
  write_file(folder / "metrics.json", make_report(facts, predictions, {}).to_json());
  const CaughtLog log;  // gnuplot may be absent
  const auto tables = write_report(find_runs({root}), Split::test, "", out);
  ASSERT_EQ(tables.parts.size(), 1U);
  EXPECT_THAT(format_text(tables.parts[0]), AllOf(HasSubstr("parts of the score"), HasSubstr("0.2500")));
  EXPECT_THAT(read_file(out / "report.html"), AllOf(HasSubstr("Parts of the score"), HasSubstr("0.75 / 0.25 / 0.00"),
                                                    HasSubstr("+0.500 / -0.250 / +0.000"), HasSubstr("-0.375")));
  const auto csv = io::read_csv(out / "parts.csv");
  ASSERT_EQ(csv.rows.size(), 2U);
  EXPECT_EQ(csv.rows[1][csv.column("id")], "b");
  EXPECT_EQ(csv.rows[1][csv.column("part_V")], "1");
  EXPECT_EQ(csv.rows[1][csv.column("part_A")], "0");
  EXPECT_EQ(csv.rows[0][csv.column("correction")], "0.125");
  EXPECT_EQ(csv.rows[0][csv.column("prediction")], "0.375");
}

}  // namespace
}  // namespace kuda
