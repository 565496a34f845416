// `kuda report`: which runs stand in a table, and what the table says.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "kuda/base/file.h"
#include "kuda/base/test_support.h"
#include "kuda/evaluation/late_fusion.h"
#include "kuda/reports/test_made_runs.h"
#include "kuda/reports/write_report.h"

namespace kuda {
namespace {

namespace fs = std::filesystem;
using test::error_of;
using test::MadeRun;
using test::scratch_folder;
using test::table_of;
using test::three_systems;
using test::write_run;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

TEST(Runs, NamesComeFromThePathOnlyWhereItNamesTheModel) {
  ReportFacts facts;
  facts.model = "kuda";
  facts.data = "synthetic";
  facts.seed = 7;
  const auto names = [&](const char* root, const char* run) {
    const auto found = names_of(root, run, facts);
    return found.data + " | " + found.system;
  };
  EXPECT_EQ(names("/x/runs", "/x/runs/clean/kuda+add/7"), "clean | kuda+add");
  EXPECT_EQ(names("/x/runs", "/x/runs/clean/kuda/lambda=0.1/7"), "clean | kuda/lambda=0.1");
  EXPECT_EQ(names("/x/runs", "/x/runs/table5/clean/kuda/seed-7"), "clean | kuda");
  EXPECT_EQ(names("/x/runs", "/x/runs/kuda+add/7"), "synthetic | kuda+add");
  EXPECT_EQ(names("/x/runs/clean/kuda+add/", "/x/runs/clean/kuda+add/7"), "synthetic | kuda+add");
  EXPECT_EQ(names("/x/runs/clean/kuda+add", "/x/runs/clean/kuda+add/7"), "synthetic | kuda+add");
  EXPECT_EQ(names("/x/runs/clean/kuda+add/7", "/x/runs/clean/kuda+add/7"), "synthetic | kuda+add");
  EXPECT_EQ(names("/x/runs/mosi", "/x/runs/mosi/seed-7"), "synthetic | kuda");
  EXPECT_EQ(names("/x/kuda", "/x/kuda/runs/first/7"), "synthetic | kuda") << "a project folder is no system";
  EXPECT_EQ(names("/x/first", "/x/first"), "synthetic | kuda");
}

TEST(Runs, EveryFinishedRunIsFoundOnceAndStagesAreNot) {
  const auto root = three_systems();
  MadeRun stage{.model = "kuda"};
  write_run(root / "mosi/tfn/1/pretrain/text", stage);  // inside a run: not looked at
  fs::create_directories(root / "mosi/lmf/4");
  write_file(root / "mosi/lmf/4/config.toml", "seed = 4\n");
  const auto found = find_runs({root, root / "mosi/tfn", root / "mosi/tfn/1"});
  EXPECT_EQ(found.finished.size(), 9U);
  EXPECT_THAT(found.unfinished, ElementsAre(root / "mosi/lmf/4"));
  const auto groups = group_runs(found.finished, Split::test);
  ASSERT_EQ(groups.size(), 1U);
  ASSERT_EQ(groups[0].systems.size(), 3U);
  EXPECT_EQ(groups[0].systems[2].name, "tfn+wide");
  EXPECT_EQ(groups[0].systems[2].runs[0].report.facts.seed, 11);
  EXPECT_EQ(groups[0].ids.size(), 60U);
  EXPECT_EQ(groups[0].systems[0].scores.size(), 3U);
  EXPECT_THAT(error_of<DataError>([&] { (void)find_runs({root / "nowhere"}); }), HasSubstr("nowhere"));
  EXPECT_THAT(error_of<DataError>([&] { (void)find_runs({root / "mosi/lmf/4"}); }),
              HasSubstr("1 runs are not finished"));
}

TEST(Runs, DifferentDataInOneTableAreRefusedNamingBothRuns) {
  const auto root = three_systems();
  write_run(root / "mosi/mult/1", {.model = "mult", .fingerprint = std::string(64, 'b')});
  const auto message = error_of<DataError>([&] { (void)group_runs(find_runs({root}).finished, Split::test); });
  EXPECT_THAT(message, AllOf(HasSubstr("mosi/lmf/1"), HasSubstr("mosi/mult/1"), HasSubstr(std::string(64, 'a')),
                             HasSubstr(std::string(64, 'b'))));
  fs::rename(root / "mosi/mult", root / "mult");
  fs::create_directories(root / "other");
  fs::rename(root / "mult", root / "other/mult");
  EXPECT_EQ(group_runs(find_runs({root}).finished, Split::test).size(), 2U) << "a folder of their own tells them apart";
}

TEST(Runs, OtherClipsOtherOptionsAndTheSameSeedTwiceAreRefused) {
  const auto refused = [](const MadeRun& run, const char* folder) {
    const auto root = three_systems();
    write_run(root / folder, run);
    return error_of<DataError>([&] { (void)group_runs(find_runs({root}).finished, Split::test); });
  };
  EXPECT_THAT(refused({.seed = 4, .clips = 59}, "mosi/tfn/4"), HasSubstr("60 and 59 labelled clips"));
  EXPECT_THAT(refused({.options = "lr = 0.7", .seed = 4}, "mosi/tfn/4"),
              AllOf(HasSubstr("lr = 0.7"), HasSubstr("lr = 0.1")));
  EXPECT_THAT(refused({.seed = 3}, "mosi/tfn/seed-3"), HasSubstr("with seed 3"));
}

TEST(Runs, SeedsOfOneSystemMayLieAndRunElsewhereButNotUseOtherOptions) {
  const auto groups_with = [](const std::string& config) {
    const auto root = three_systems();
    write_run(root / "mosi/tfn/4", {.seed = 4});
    write_file(root / "mosi/tfn/4/config.toml", config);
    return group_runs(find_runs({root}).finished, Split::test).size();
  };
  const std::string plain = "model = \"tfn\"\nseed = 4\nthreads = 2\nproducts = \"default\"\npretrained = \"x\"\n";
  EXPECT_EQ(groups_with(plain + "[data]\npath = \"elsewhere\"\n[train]\nlr = 0.1\nsave_every = 3\n"), 1U);
  // A model of another version with options named as keys of a run: what a key does depends on its section.
  EXPECT_THAT(error_of<DataError>([&] { (void)groups_with(plain + "[train]\nlr = 0.1\n[tfn]\nseed = 2\n"); }),
              HasSubstr("tfn.seed = 2"));
  const auto of_encoder = [&](const std::string& folder) {
    const auto root = three_systems();
    for (const auto& entry : fs::directory_iterator(root / "mosi/tfn"))
      write_file(entry.path() / "config.toml",
                 fmt::format("model = \"tfn\"\nseed = {}\nencoder = \"{}\"\n[train]\nlr = 0.1\n",
                             entry.path().filename().string(), entry.path().filename() == "1" ? "/a/minilm" : folder));
    return group_runs(find_runs({root}).finished, Split::test).size();
  };
  EXPECT_EQ(of_encoder("/b/minilm"), 1U) << "the name counts, not where it lies";
  EXPECT_THAT(error_of<DataError>([&] { (void)of_encoder("/a/bert"); }), HasSubstr("encoder = \"bert\""));
}

TEST(Runs, PredictionsOfAnotherRunAreRefused) {
  const auto root = three_systems();
  fs::copy_file(root / "mosi/lmf/1/predictions.csv", root / "mosi/tfn/1/predictions.csv",
                fs::copy_options::overwrite_existing);
  EXPECT_THAT(error_of<DataError>([&] { (void)group_runs(find_runs({root}).finished, Split::test); }),
              AllOf(HasSubstr("mosi/tfn/1"), HasSubstr("not of one run")));
}

TEST(ResultTables, BestIsMarkedAndWhatCannotBeToldApartIsSaid) {
  const auto table = table_of(three_systems());
  ASSERT_EQ(table.rows.size(), 5U);  // three systems, mean, majority
  EXPECT_EQ(table.rows[0].name, "lmf");
  EXPECT_EQ(table.num_hypotheses, 3U) << "the clips chose the best: every pair counts";
  const auto &lmf = table.rows[0].cells[0], &tfn = table.rows[1].cells[0], &wide = table.rows[2].cells[0];
  EXPECT_TRUE(tfn.is_best);
  EXPECT_EQ(tfn.seeds.n, 3U);
  EXPECT_LT(tfn.seeds.interval.low, tfn.seeds.mean);
  EXPECT_LT(tfn.clips.low, tfn.seeds.mean);
  EXPECT_GT(tfn.clips.high, tfn.seeds.mean);
  EXPECT_TRUE(std::isnan(tfn.p));
  EXPECT_LT(lmf.corrected_p, 0.001);
  EXPECT_FALSE(lmf.is_not_separable());
  EXPECT_TRUE(wide.is_not_separable()) << wide.corrected_p;
  EXPECT_THAT(format_text(table),
              AllOf(HasSubstr("synthetic data"), HasSubstr("not separable from tfn by MAE: tfn+wide"),
                    HasSubstr("Holm over 3 comparisons"), Not(HasSubstr("lmf (p"))));
  const auto named = table_of(three_systems(), "lmf");
  EXPECT_EQ(marks_of(table_of(three_systems(), "tfn+wide").rows[1].cells[0]), " *~")
      << "best, and not separable from it";
  EXPECT_EQ(named.num_hypotheses, 2U);
  EXPECT_LT(named.rows[1].cells[0].corrected_p, 0.001);
  EXPECT_THAT(error_of<DataError>([] { (void)table_of(three_systems(), "tfm"); }), HasSubstr("did you mean 'tfn'"));
}

TEST(ResultTables, ARunChosenOnTestIsShownButNeverBestNorTested) {
  const auto root = three_systems();
  write_run(root / "mosi/misa/1", {.model = "misa", .select = "test", .noise = 0.01});
  const auto table = table_of(root);
  EXPECT_EQ(display_name(table.rows[1]), "misa (chosen on test)");
  EXPECT_FALSE(table.rows[1].cells[0].is_best);
  EXPECT_TRUE(std::isnan(table.rows[1].cells[0].p));
  EXPECT_TRUE(table.rows[2].cells[0].is_best);
  EXPECT_EQ(table.num_hypotheses, 3U);
  EXPECT_THAT(format_text(table), HasSubstr("misa: its epochs were chosen on the test split"));
}

TEST(ResultTables, WhereNoSystemBeatsABaselineItIsSaid) {
  const auto root = scratch_folder("poor");
  write_run(root / "mosi/tfn/1", {.noise = 20});
  const auto text = format_text(table_of(root));
  EXPECT_THAT(text, HasSubstr("MAE: no system is better than the baseline 'm"));
  EXPECT_THAT(text, Not(HasSubstr("Holm"))) << "one system: nothing to compare";
}

TEST(ResultTables, LateFusionAndTextOnlyStandBelowSystemsWithUnimodalScores) {
  const auto root = scratch_folder("fused");
  write_run(root / "mosi/kuda/1", {.model = "kuda", .has_unimodal = true});
  const auto table = table_of(root);
  ASSERT_EQ(table.rows.size(), 5U);
  EXPECT_EQ(table.rows[1].name, "text only (kuda)");
  EXPECT_EQ(table.rows[2].name, "late fusion (kuda)");
  EXPECT_LT(table.rows[2].cells[0].seeds.mean, table.rows[1].cells[0].seeds.mean);
}

TEST(LateFusionBaseline, FindsTheWeightsThatMadeTheLabels) {
  Random random(5);
  std::vector<Prediction> clips;
  for (int i = 0; i < 40; ++i) {
    Prediction clip{"c", Split::valid, 0, 0, {float(random.normal()), float(random.normal()), kUnknown}};
    clip.label = 2 * clip.unimodal.text - 0.5F * clip.unimodal.vision + 0.25F;
    clips.push_back(clip);
  }
  const auto fused = fuse_late(clips, clips);
  EXPECT_EQ(fused.method, "least squares");
  for (std::size_t i = 0; i < clips.size(); ++i) EXPECT_NEAR(fused.scores[i], clips[i].label, 1e-5);
  const std::vector<Prediction> few(clips.begin(), clips.begin() + 3);
  EXPECT_EQ(fuse_late(few, clips).method, "their mean");
  EXPECT_NEAR(fuse_late(few, clips).scores[0], (clips[0].unimodal.text + clips[0].unimodal.vision) / 2, 1e-6);
  for (auto& clip : clips) clip.unimodal.vision = kUnknown;
  EXPECT_TRUE(fuse_late(clips, clips).scores.empty()) << "one modality is no fusion";
}

}  // namespace
}  // namespace kuda
