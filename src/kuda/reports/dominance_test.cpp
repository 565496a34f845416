// The dominance table, on runs that the test makes up: every number here is invented.

#include "kuda/reports/dominance.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "kuda/base/file.h"
#include "kuda/base/test_support.h"
#include "kuda/io/csv.h"

namespace kuda {
namespace {

namespace fs = std::filesystem;
using test::error_of;
using test::scratch_folder;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

struct MadeUpRun {
  std::int64_t seed = 1;
  float error = 0.25F;                ///< of every clip: the MAE
  double named = 0.5, chance = 0.25;  ///< by removal
  bool is_explained = true;
  std::string fingerprint = "f";
};

/// One clip with label 0; run.json and explain.json as training and `--explain` write them.
FinishedRun write_made_up_run(const fs::path& folder, const MadeUpRun& run, double noise, bool knows_the_rule = true) {
  fs::create_directories(folder);
  const auto rule = fmt::format(
      R"(, "data": {{"synthetic": {{"test": {{"bound": 0.0625, "bayes_mae": 0.07, "decoder_mae": 0.125, "noise": {},
      "conflict": 0.2, "dominant": {{"text": 0.5, "vision": 0.25, "audio": 0.25}}}}}}}})",
      noise);
  write_file(folder / "run.json", fmt::format(R"({{"versions": {{"revision": "abc"}}, "finished_at":
      "2001-02-0{}T04:05:06Z"{}}})",
                                              run.seed, knows_the_rule ? rule : ""));
  if (run.is_explained)
    write_file(folder / "explain.json",
               fmt::format(R"({{"split": "test", "data_fingerprint": "{}", "clips": 1, "summary": {{"removal": {{
      "names_truth": {}, "names_truth_by_chance": {}}}, "ratio": {{"names_truth": 1, "names_truth_by_chance": 0.5}}}}}})",
                           run.fingerprint, run.named, run.chance));
  FinishedRun finished;
  finished.folder = folder;
  finished.report.facts.seed = run.seed;
  return finished;
}

DataSetRuns made_up_data(const std::string& name, double noise, const std::vector<MadeUpRun>& runs,
                         bool knows_the_rule = true) {
  DataSetRuns data;
  data.name = name;
  data.facts.family = MetricFamily::sims;
  data.facts.data_fingerprint = "f";
  data.ids = {"a"};
  data.labels = {0};
  auto& system = data.systems.emplace_back();
  system.name = "tfn";
  const auto folder = scratch_folder(name);
  for (const auto& run : runs) {
    system.runs.push_back(write_made_up_run(folder / std::to_string(run.seed), run, noise, knows_the_rule));
    system.scores.push_back({run.error});
  }
  return data;
}

/// Made-up MAEs: 0.25 and 0.5 without noise, 0.5 and 1 with it. Made-up naming rates: 0.5 and 0.75, chance 0.25.
std::vector<DataSetRuns> made_up_runs() {
  return {made_up_data("noisy", 0.8, {{1, 0.5F}, {2, 1.0F}}),
          made_up_data("calm", 0, {{1, 0.25F, 0.5}, {2, 0.5F, 0.75}})};
}

TEST(Dominance, DataSetsStandByRisingNoiseWithTheirBound) {
  const auto table = make_dominance_table(made_up_runs());
  ASSERT_TRUE(table.has_value());
  ASSERT_EQ(table->data.size(), 2U);
  EXPECT_EQ(table->data[0].name, "calm");
  EXPECT_EQ(table->data[1].noise, 0.8);
  EXPECT_EQ(table->data[0].bound, 0.0625);
  EXPECT_EQ(table->data[0].decoder, 0.125);
  EXPECT_THAT(table->data[0].dominant, ElementsAre(0.5, 0.25, 0.25));
  EXPECT_EQ(table->first_day, "2001-02-01");
  EXPECT_EQ(table->last_day, "2001-02-02");
  EXPECT_THAT(table->revisions, ElementsAre("abc"));
}

TEST(Dominance, NamingIsComparedWithChanceSeedBySeed) {
  const auto table = make_dominance_table(made_up_runs());
  const auto& row = table->data[0].rows.at(0);
  EXPECT_EQ(row.mae.mean, 0.375);
  EXPECT_EQ(row.naming[0].named.n, 0U) << "no such explanation";
  EXPECT_EQ(row.naming[2].named.mean, 0.625);
  EXPECT_EQ(row.naming[2].chance.mean, 0.25);
  EXPECT_EQ(row.naming[2].excess.mean, 0.375);
  EXPECT_EQ(row.naming[3].excess.mean, 0.5) << "by ratio";
  EXPECT_NEAR(row.naming[2].excess.deviation, 0.25 / std::sqrt(2.0), 1e-12);
}

TEST(Dominance, GrowthIsFromTheLeastToTheMostNoiseOverTheSeedsOfBoth) {
  auto runs = made_up_runs();
  const auto table = make_dominance_table(runs);
  ASSERT_EQ(table->growth.size(), 1U);
  EXPECT_EQ(table->growth[0].n, 2U);
  EXPECT_EQ(table->growth[0].mean, 0.375);  // 0.25 and 0.5
  runs.push_back(made_up_data("calm_too", 0, {{1}}));
  EXPECT_EQ(make_dominance_table(runs)->growth[0].n, 0U) << "two data sets have the least noise";
}

TEST(Dominance, RunsWithoutTheRuleOrWithForeignExplanationsAreLeftOut) {
  EXPECT_FALSE(make_dominance_table({made_up_data("recorded", 0, {{1}}, false)}).has_value());
  const auto table = make_dominance_table(
      {made_up_data("calm", 0, {{.seed = 1, .is_explained = false}, {.seed = 2, .fingerprint = "other"}})});
  EXPECT_EQ(table->data[0].rows[0].num_seeds, 2U);
  EXPECT_EQ(table->data[0].rows[0].naming[2].named.n, 0U);
  EXPECT_THAT(naming_cells(*table)[1], ElementsAre("calm", "tfn", "2", "-", "-", "-", "-"));
}

TEST(Dominance, ADamagedFileIsNamed) {
  const auto runs = made_up_runs();
  write_file(runs[0].systems[0].runs[0].folder / "explain.json", "{");
  EXPECT_THAT(error_of<DataError>([&] { (void)make_dominance_table(runs); }), HasSubstr("explain.json"));
}

TEST(Dominance, TextMarkdownAndCsvShowTheSame) {
  const auto table = make_dominance_table(made_up_runs());
  const auto mae = mae_cells(*table), naming = naming_cells(*table);
  EXPECT_THAT(mae[0], ElementsAre("system", "calm", "noisy", "noisy - calm"));
  EXPECT_THAT(mae[1], ElementsAre("clips with a noise modality, %", "0", "80", ""));
  EXPECT_EQ(mae[3][1], "0.0625");
  EXPECT_THAT(mae[5][1], testing::StartsWith("0.3750 ["));
  EXPECT_THAT(mae[5][3], testing::StartsWith("+0.3750 ["));
  EXPECT_THAT(naming[1][5], testing::StartsWith("62.5 (25.0) +37.5 ["));
  EXPECT_THAT(naming[1][5], Not(HasSubstr("*"))) << "two seeds so far apart show nothing";
  EXPECT_EQ(naming[1][3], "-");
  EXPECT_EQ(naming[0][6], "by ratio");
  EXPECT_THAT(naming[1][6], testing::StartsWith("100.0 (50.0) +50.0 ["));
  EXPECT_THAT(format_markdown(*table), AllOf(HasSubstr("# Dominance benchmark (synthetic data)"), HasSubstr("| tfn |"),
                                             HasSubstr("from 2001-02-01 to 2001-02-02 with kuda abc")));
  EXPECT_THAT(format_text(*table), AllOf(HasSubstr("synthetic"), HasSubstr("noisy - calm")));
  const auto csv = io::parse_csv(format_csv(*table), "dominance.csv");
  ASSERT_EQ(csv.rows.size(), 2U);
  EXPECT_EQ(csv.rows[0][csv.column("data")], "calm");
  EXPECT_EQ(csv.rows[0][csv.column("bound")], "0.0625");
  EXPECT_EQ(csv.rows[0][csv.column("MAE")], "0.375");
  EXPECT_EQ(csv.rows[0][csv.column("removal_excess")], "0.375");
  EXPECT_EQ(csv.rows[0][csv.column("share_named")], "");
}

TEST(Dominance, AboveChanceIsMarkedWhereTheIntervalSaysSo) {
  const auto table =
      make_dominance_table({made_up_data("calm", 0, {{1, 0.25F, 0.5}, {2, 0.25F, 0.501}, {3, 0.25F, 0.499}})});
  EXPECT_THAT(naming_cells(*table)[1][5], testing::EndsWith("] *"));
  const auto one_seed = make_dominance_table({made_up_data("one", 0, {{1, 0.25F, 0.5}})});
  EXPECT_EQ(naming_cells(*one_seed)[1][5], "50.0 (25.0) +25.0");
  EXPECT_EQ(mae_cells(*one_seed)[5][1], "0.2500");
}

}  // namespace
}  // namespace kuda
