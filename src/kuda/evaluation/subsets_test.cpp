// Subsets by conflict: the rule on hand-made clips, the metrics by subset, and the table of a report. Scores are made
// up.

#include "kuda/evaluation/subsets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "kuda/base/test_support.h"
#include "kuda/io/csv.h"
#include "kuda/reports/subset_table.h"

namespace kuda {
namespace {

using test::error_of;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::UnorderedElementsAre;

/// Keys of the subsets that a clip is in.
std::set<std::string> keys_of(float label, float text, float vision, float audio) {
  const auto is_in = subsets_of(label, {text, vision, audio});
  std::set<std::string> keys;
  for (std::size_t i = 0; i < kNumSubsets; ++i)
    if (is_in[i]) keys.insert(subset_names()[i].key);
  return keys;
}

TEST(Subsets, ThreeEqualSignsAgreeAndNeutralIsASignOfItsOwn) {
  EXPECT_THAT(keys_of(0.6F, 0.6F, 0.2F, 1), UnorderedElementsAre("all", "agree", "clean", "text"));
  EXPECT_THAT(keys_of(-0.6F, -0.2F, -0.6F, -1), UnorderedElementsAre("all", "agree", "clean", "vision"));
  EXPECT_THAT(keys_of(0, 0, 0, 0), UnorderedElementsAre("all", "agree", "clean", "text", "vision", "audio"));
  EXPECT_THAT(keys_of(0.4F, 0.4F, 0, 1), UnorderedElementsAre("all", "neutral", "noisy", "text"));
  EXPECT_THAT(keys_of(0, 0, 0, -0.2F), UnorderedElementsAre("all", "neutral", "noisy", "text", "vision"));
}

TEST(Subsets, OnePositiveAndOneNegativeLabelOpposeWhateverTheThird) {
  EXPECT_THAT(keys_of(0.4F, 0.4F, -0.2F, 1), UnorderedElementsAre("all", "opposed", "noisy", "text"));
  EXPECT_THAT(keys_of(0.2F, 0.2F, -1, 0), UnorderedElementsAre("all", "opposed", "noisy", "text"));
}

TEST(Subsets, AgreeingLabelsAreNoisyWhereTheMultimodalOneHasAnotherSign) {
  EXPECT_THAT(keys_of(0, 0.2F, 0.4F, 0.6F), UnorderedElementsAre("all", "agree", "noisy", "text"));
  EXPECT_THAT(keys_of(-0.2F, 0.2F, 0.4F, 0.6F), UnorderedElementsAre("all", "agree", "noisy", "text"));
}

// 0.6 - 0.4 and 0.4 - 0.2 are equal as decimals and not in binary: the tolerance of data/doctor/stats.h counts both.
TEST(Subsets, TiesMakeEveryNearestModalityDominant) {
  EXPECT_THAT(keys_of(0.4F, 0.6F, 0.2F, -1), UnorderedElementsAre("all", "opposed", "noisy", "text", "vision"));
}

TEST(Subsets, AClipThatLacksOneLabelIsInNone) {
  EXPECT_THAT(keys_of(kUnknown, 1, 1, 1), UnorderedElementsAre());
  EXPECT_THAT(keys_of(1, kUnknown, 1, 1), UnorderedElementsAre());
  EXPECT_THAT(keys_of(1, 1, 1, kUnknown), UnorderedElementsAre());
  EXPECT_THAT(keys_of(1, kUnknown, kUnknown, kUnknown), UnorderedElementsAre());
}

/// Two clips whose signs agree (errors 0.1 and 0.3), one opposed (error 0.5), one without unimodal labels, one of
/// another split.
std::vector<Prediction> some_clips() {
  const PerModality<float> none{kUnknown, kUnknown, kUnknown};
  return {{"a", Split::test, 0.4F, 0.5F, none, {0.4F, 0.6F, 1}},
          {"b", Split::test, -0.6F, -0.9F, none, {-0.6F, -0.2F, -1}},
          {"c", Split::test, 0.2F, -0.3F, none, {0.2F, -1, 0}},
          {"d", Split::test, 1, -1, none, none},
          {"e", Split::train, 1, -1, none, {1, 1, 1}}};
}

TEST(Subsets, MetricsAreThoseOfTheClipsInEach) {
  const auto subsets = measure_subsets(some_clips(), Split::test, MetricFamily::sims);
  ASSERT_EQ(subsets.size(), kNumSubsets);
  EXPECT_EQ(subsets[0].n, 3U) << "the clip without unimodal labels is left out";
  EXPECT_NEAR(subsets[0].metrics.value("MAE"), 0.3, 1e-6);  // float32 labels
  EXPECT_EQ(subsets[1].n, 2U);
  EXPECT_NEAR(subsets[1].metrics.value("MAE"), 0.2, 1e-6);
  EXPECT_EQ(subsets[1].metrics.value("Mult_acc_2"), 1);
  EXPECT_EQ(subsets[2].n, 0U);
  EXPECT_EQ(subsets[3].n, 1U);
  EXPECT_NEAR(subsets[3].metrics.value("MAE"), 0.5, 1e-6);
  EXPECT_TRUE(std::isnan(subsets[3].metrics.value("Corr"))) << "of one clip";
}

TEST(Subsets, TextAndJsonNameSmallSubsetsAndLeaveEmptyOnesWithoutValues) {
  const auto subsets = measure_subsets(some_clips(), Split::test, MetricFamily::sims);
  EXPECT_THAT(subset_text(subsets),
              AllOf(HasSubstr("signs opposed"), HasSubstr("0.5000"), HasSubstr("Acc-2"), HasSubstr("F1"),
                    HasSubstr("fewer than 30 clips"), HasSubstr("some neutral (n = 0)"), Not(HasSubstr("Acc-5"))));
  const auto json = nlohmann::json::parse(subset_json(subsets));
  EXPECT_EQ(json["agree"]["n"], 2);
  EXPECT_TRUE(json["agree"]["is_small"].get<bool>());
  EXPECT_NEAR(json["opposed"]["values"]["MAE"]["value"].get<double>(), 0.5, 1e-6);
  EXPECT_TRUE(json["opposed"]["values"]["Corr"]["value"].is_null());
  EXPECT_TRUE(json["neutral"]["values"].empty());
  EXPECT_EQ(small_subsets_note(std::vector<std::size_t>(kNumSubsets, kFewClips)), "");
}

TEST(Subsets, WithoutUnimodalLabelsItIsSaidWhichDataHaveThem) {
  auto clips = some_clips();
  for (auto& clip : clips) clip.unimodal_labels.audio = kUnknown;
  EXPECT_THAT(error_of<DataError>([&] { (void)measure_subsets(clips, Split::test, MetricFamily::sims); }),
              AllOf(HasSubstr("test split"), HasSubstr("unimodal labels"), HasSubstr("CH-SIMS")));
}

/// Two systems on the three labelled clips, without metrics.json: "old" was made before predictions.csv kept unimodal
/// labels, "new" has two seeds.
DataSetRuns two_systems() {
  DataSetRuns data;
  data.name = data.facts.data = "made-up";
  data.facts.family = MetricFamily::sims;
  auto clips = some_clips();
  clips.resize(3);
  for (const auto& clip : clips) {
    data.ids.push_back(clip.id);
    data.labels.push_back(clip.label);
  }
  const auto add = [&](const std::string& name, const std::vector<std::vector<float>>& seeds, bool has_labels) {
    auto& system = data.systems.emplace_back();
    system.name = name;
    system.scores = seeds;
    for (std::size_t i = 0; i < seeds.size(); ++i) {
      system.runs.emplace_back();
      auto& kept = system.predictions.emplace_back(clips);
      if (!has_labels)
        for (auto& clip : kept) clip.unimodal_labels = {kUnknown, kUnknown, kUnknown};
    }
  };
  add("new", {{0.5F, -0.9F, -0.3F}, {0.5F, -0.7F, 0.3F}}, true);
  add("old", {{0.4F, -0.6F, 0.2F}}, false);
  return data;
}

TEST(SubsetTables, OneRunWithUnimodalLabelsServesAllSystems) {
  const auto table = make_subset_table(two_systems());
  ASSERT_TRUE(table.has_value());
  EXPECT_EQ(table->num_clips[0], 3U);
  ASSERT_EQ(table->rows.size(), 2U);
  const auto& agree = table->rows[0].mae[1];
  EXPECT_EQ(agree.n, 2U);
  EXPECT_NEAR(agree.mean, (0.2 + 0.1) / 2, 1e-6);
  EXPECT_NEAR(agree.deviation, 0.1 / std::sqrt(2.0), 1e-6);
  EXPECT_EQ(table->rows[1].mae[0].mean, 0);
  EXPECT_TRUE(std::isnan(table->rows[1].mae[2].mean)) << "no clip";
  const auto cells = subset_cells(*table);
  EXPECT_THAT(cells[1], ElementsAre("clips", "", "3", "2", "0", "1", "2", "1", "3", "0", "0"));
  EXPECT_EQ(cells[2][3], "0.1500 ± 0.0707");
  EXPECT_EQ(cells[3][4], "-");
  EXPECT_THAT(format_text(*table), AllOf(HasSubstr("by conflict"), HasSubstr("fewer than 30 clips")));
  const auto csv = io::parse_csv(format_csv({*table}), "by_conflict.csv");
  ASSERT_EQ(csv.rows.size(), 2 * kNumSubsets);
  EXPECT_EQ(csv.rows[1][csv.column("subset")], "agree");
  EXPECT_NEAR(std::stod(csv.rows[1][csv.column("MAE")]), 0.15, 1e-6);
  EXPECT_EQ(csv.rows[2][csv.column("MAE")], "");
}

TEST(SubsetTables, ThereIsNoneWithoutUnimodalLabels) {
  auto data = two_systems();
  data.systems.erase(data.systems.begin());
  EXPECT_FALSE(make_subset_table(data).has_value());
}

}  // namespace
}  // namespace kuda
