// `kuda report` from run folders to files, on run folders that the test writes: no training.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "kuda/base/file.h"
#include "kuda/base/random.h"
#include "kuda/base/test_support.h"
#include "kuda/evaluation/late_fusion.h"
#include "kuda/io/csv.h"
#include "kuda/reports/figures.h"
#include "kuda/reports/missing_table.h"
#include "kuda/reports/write_report.h"

namespace kuda {
namespace {

namespace fs = std::filesystem;
using test::CaughtLog;
using test::error_of;
using test::scratch_folder;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

/// A run that was never trained: its scores are labels with normal noise.
struct MadeRun {
  std::string model = "tfn", data = "mosi", fingerprint = std::string(64, 'a'), select = "valid", options = "lr = 0.1";
  std::int64_t seed = 1;
  double noise = 0.5;
  bool is_synthetic = true, has_unimodal = false;
  std::size_t clips = 60;
  bool has_unimodal_labels = false;
};

std::vector<Prediction> predictions_of(const MadeRun& run) {
  Random labels(7), noise(stream_seed(std::uint64_t(run.seed), run.model));
  std::vector<Prediction> predictions;
  for (const auto split : kSplits)
    for (std::size_t i = 0; i < run.clips; ++i) {
      const double label = std::round(labels.uniform(-3, 3) * 5) / 5;
      Prediction clip{fmt::format("{}$_${:03}", split_name(split), i),
                      split,
                      float(label),
                      float(label + run.noise * noise.normal()),
                      {}};
      clip.unimodal = {kUnknown, kUnknown, kUnknown};
      if (run.has_unimodal)
        for (auto& score : clip.unimodal) score = float(0.5 * label + noise.normal());
      if (run.has_unimodal_labels) clip.unimodal_labels = {clip.label, -clip.label, 0};
      predictions.push_back(clip);
    }
  return predictions;
}

void write_run(const fs::path& folder, const MadeRun& run) {
  fs::create_directories(folder);
  const auto predictions = predictions_of(run);
  write_predictions(folder / "predictions.csv", predictions);
  write_file(folder / "config.toml",
             fmt::format("model = \"{}\"\nseed = {}\n[train]\n{}\n", run.model, run.seed, run.options));
  write_file(folder / "run.json", R"({"versions": {"kuda": "0.1.0", "revision": "r<1>"}, "notes": ["a <note>"]})");
  write_file(folder / "epochs.jsonl",
             "{\"epoch\":1,\"lr\":0.1,\"loss\":1.5,\"terms\":{},\"valid_MAE\":1.2,\"valid_Corr\":0.1,\"is_best\":true,"
             "\"seconds\":1}\n"
             "{\"epoch\":2,\"lr\":0.1,\"loss\":1.1,\"terms\":{},\"valid_MAE\":1.1,\"valid_Corr\":0.2,\"is_best\":true,"
             "\"seconds\":1}\n");
  ReportFacts facts;
  facts.model = run.model;
  facts.task = "main";
  facts.seed = run.seed;
  facts.data = run.data;
  facts.data_fingerprint = run.fingerprint;
  facts.is_synthetic = run.is_synthetic;
  facts.family = MetricFamily::mosi;
  facts.select = run.select;
  facts.chosen_epoch = facts.epochs = 2;
  std::vector<float> labels;
  for (const auto& clip : predictions)
    if (clip.split == Split::train) labels.push_back(clip.label);
  write_file(folder / "metrics.json",
             make_report(facts, predictions, labels, text_decoder_scores(predictions)).to_json());
}

/// ROOT/mosi/{tfn,tfn+wide,lmf}/{1,2,3}: tfn is best, tfn+wide much like it, lmf far behind.
fs::path three_systems() {
  const auto root = scratch_folder("runs");
  for (std::int64_t seed = 1; seed <= 3; ++seed) {
    write_run(root / "mosi/tfn" / std::to_string(seed), {.seed = seed, .noise = 0.5});
    write_run(root / "mosi/tfn+wide" / std::to_string(seed), {.options = "lr = 0.2", .seed = seed + 10, .noise = 0.59});
    write_run(root / "mosi/lmf" / std::to_string(seed), {.model = "lmf", .seed = seed, .noise = 2});
  }
  fs::rename(root / "mosi/tfn+wide/1", root / "mosi/tfn+wide/11");
  fs::rename(root / "mosi/tfn+wide/2", root / "mosi/tfn+wide/12");
  fs::rename(root / "mosi/tfn+wide/3", root / "mosi/tfn+wide/13");
  return root;
}

ResultTable table_of(const fs::path& root, const std::string& reference = "") {
  const auto groups = group_runs(find_runs({root}).finished, Split::test);
  EXPECT_EQ(groups.size(), 1U);
  return make_result_table(groups.front(), reference);
}

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

TEST(Formats, CsvHoldsWhatTheTableShows) {
  const auto table = table_of(three_systems());
  const auto csv = io::parse_csv(format_csv({table}), "table.csv");
  ASSERT_EQ(csv.rows.size(), 5U * 8U);
  const auto& row = csv.rows[8];  // tfn, MAE
  EXPECT_EQ(row[csv.column("system")], "tfn");
  EXPECT_EQ(row[csv.column("metric")], "MAE");
  EXPECT_EQ(std::stod(row[csv.column("mean")]), table.rows[1].cells[0].seeds.mean);
  EXPECT_EQ(row[csv.column("is_best")], "yes");
  EXPECT_EQ(row[csv.column("p")], "");
  EXPECT_EQ(csv.rows[16][csv.column("reference")], "tfn");
  EXPECT_EQ(csv.rows[16][csv.column("not_separable")], "yes");
}

// The layout of MMSA's run.py: percent, deviation of the population, pairs as pandas writes them.
TEST(Formats, MmsaCsvHasItsColumnsAndPairs) {
  const auto table = table_of(three_systems());
  const auto csv = io::parse_csv(format_mmsa(table), "mosi.csv");
  EXPECT_THAT(csv.header, ElementsAre("Model", "Has0_acc_2", "Has0_F1_score", "Non0_acc_2", "Non0_F1_score",
                                      "Mult_acc_5", "Mult_acc_7", "MAE", "Corr"));
  ASSERT_EQ(csv.rows.size(), 3U);
  const auto pair = csv.rows[1][7];
  const auto& mae = table.rows[1].cells[0].seeds;
  EXPECT_THAT(pair, testing::MatchesRegex(R"(\([0-9]+\.[0-9]+, [0-9]+\.[0-9]+\))"));
  EXPECT_NEAR(std::stod(pair.substr(1)), 100 * mae.mean, 0.005 + 1e-9);  // rounded to two places
  EXPECT_NEAR(std::stod(pair.substr(pair.find(' '))), 100 * mae.deviation * std::sqrt(2.0 / 3), 0.005 + 1e-9);
}

TEST(Formats, GnuplotReadsNamesAsText) {
  EXPECT_EQ(gnuplot_text("it's `touch x` $y\n\"z\""), "'it''s `touch x` $y \"z\"'");
  EXPECT_EQ(gnuplot_tic("5 %s"), "'5 %%s'") << "a tic is a format";
  EXPECT_EQ(gnuplot_number(std::numeric_limits<double>::quiet_NaN()), "NaN");
  EXPECT_EQ(gnuplot_number(0.5), "0.5");
}

TEST(Formats, NamesAreEscaped) {
  EXPECT_EQ(html_text("<a href=\"x\">&'"), "&lt;a href=&quot;x&quot;&gt;&amp;&#39;");
  EXPECT_EQ(latex_text("a_b & 5% {x}~\\"), "a\\_b \\& 5\\% \\{x\\}\\textasciitilde{}\\textbackslash{}");
  EXPECT_EQ(latex_text("[a]*<b>|\n\""), "{[}a]{*}\\textless{}b\\textgreater{}\\textbar{} \\textquotedbl{}");
  EXPECT_EQ(file_name("kuda+lambda=0.1"), "kuda+lambda=0.1");
  EXPECT_THAT(file_name("kuda/a"), testing::StartsWith("kuda_a-"));
  EXPECT_NE(file_name("kuda/a"), file_name("kuda:a"));
  EXPECT_THAT(file_name("-e"), testing::StartsWith("_e-")) << "no option of any program";
  EXPECT_THAT(file_name(".."), testing::StartsWith("_.-"));
}

TEST(Page, IsSelfContainedAndEscapesEveryName) {
  const auto root = scratch_folder("runs"), out = scratch_folder("report");
  const std::string hostile = "tfn+<script>alert('x')</script>`touch executed`\"";
  fs::path folder = root / "<b>data";
  std::string flat = hostile;
  std::replace(flat.begin(), flat.end(), '/', '|');
  for (std::int64_t seed = 1; seed <= 2; ++seed) {
    write_run(folder / flat / std::to_string(seed), {.seed = seed});
    write_run(folder / "lmf" / std::to_string(seed), {.model = "lmf", .seed = seed, .noise = 1});
  }
  const auto tables = write_report(find_runs({root}), Split::test, "", out);
  ASSERT_EQ(tables.results.size(), 1U);
  EXPECT_TRUE(tables.conflicts.empty()) << "these runs hold no unimodal labels";
  EXPECT_FALSE(tables.dominance.has_value()) << "and nothing about a rule";
  EXPECT_FALSE(fs::exists(out / "by_conflict.csv"));
  EXPECT_FALSE(fs::exists(out / "dominance.md"));
  const auto page = read_file(out / "report.html");
  EXPECT_THAT(page, Not(HasSubstr("<script")));
  EXPECT_THAT(page, Not(HasSubstr("<b>data")));
  EXPECT_THAT(page, Not(HasSubstr("<note>")));
  for (const char* elsewhere : {"src=\"http", "href=\"", "<link", "url(\"", "url(http", "@import"})
    EXPECT_THAT(page, Not(HasSubstr(elsewhere)));
  for (const char* text : {"&lt;script&gt;", "Synthetic data", "Acc-7", "test$_$", "r&lt;1&gt;", "a &lt;note&gt;"})
    EXPECT_THAT(page, HasSubstr(text));
  EXPECT_FALSE(fs::exists("executed"));
  EXPECT_FALSE(fs::exists(out / "figures/executed"));
  EXPECT_TRUE(fs::exists(out / "mmsa" / (file_name("<b>data") + ".csv")));
  EXPECT_FALSE(fs::is_empty(out / "figures"));
}

TEST(Page, MaeByConflictStandsWhereARunHoldsUnimodalLabels) {
  const auto root = scratch_folder("runs"), out = scratch_folder("report");
  write_run(root / "mosi/tfn/1", {});  // as an earlier version wrote it
  write_run(root / "mosi/lmf/1", {.model = "lmf", .has_unimodal_labels = true});
  const CaughtLog log;  // gnuplot may be absent
  const auto tables = write_report(find_runs({root}), Split::test, "", out);
  ASSERT_EQ(tables.conflicts.size(), 1U);
  EXPECT_EQ(tables.conflicts[0].rows.size(), 2U);
  const auto csv = io::read_csv(out / "by_conflict.csv");
  EXPECT_EQ(csv.rows[0][csv.column("subset")], "all");
  EXPECT_EQ(csv.rows[0][csv.column("clips")], "60");
  EXPECT_THAT(read_file(out / "report.html"), AllOf(HasSubstr("MAE by conflict"), HasSubstr("signs opposed")));
}

TEST(Page, NamesWithPercentSignsAreDrawn) {
  const auto root = scratch_folder("runs"), out = scratch_folder("report");
  const std::string name = "tfn+50%s %d [x]";
  write_run(root / "da%sta" / name / "1", {});
  write_run(root / "da%sta" / "lmf" / "1", {.model = "lmf"});
  const CaughtLog log;
  (void)write_report(find_runs({root}), Split::test, "", out);
  const auto tex = read_file(out / "table.tex");
  EXPECT_THAT(tex, HasSubstr("\ntfn+50\\%s \\%d {[}x] & "));
  if (log.text().find("not installed") != std::string::npos) GTEST_SKIP() << "gnuplot is absent";
  EXPECT_EQ(log.text(), "") << "gnuplot took a name for a format";
  bool is_drawn = false;
  for (const auto& entry : fs::directory_iterator(out / "figures"))
    if (entry.path().extension() == ".svg")
      is_drawn = is_drawn || read_file(entry.path()).find(name) != std::string::npos;
  EXPECT_TRUE(is_drawn);
}

TEST(Figures, ManyAreDrawnTogetherAndABadOneKeepsNoOtherBack) {
  const auto out = scratch_folder("figures");
  std::vector<FigureSource> sources;
  for (int i = 0; i < 60; ++i) {  // more than one gnuplot draws
    const auto name = fmt::format("f{}", i);
    sources.push_back({name, "", "1 2\n2 3\n", fmt::format("plot '{}.dat' using 1:2\n", name)});
  }
  sources[57].plot = "plot 'f57.dat' using nonsense(1):2\n";
  std::vector<std::size_t> told;
  const CaughtLog log;
  const auto figures = draw_all(sources, out, [&](std::size_t done) { told.push_back(done); });
  ASSERT_EQ(figures.size(), 60U);
  EXPECT_THAT(told, ElementsAre(50, 60));
  if (log.text().find("not installed") != std::string::npos) GTEST_SKIP() << "gnuplot is absent";
  for (const auto& figure : figures) {
    EXPECT_EQ(figure.svg.empty(), figure.name == "f57") << figure.name;
    EXPECT_EQ(fs::exists(out / (figure.name + ".pdf")), figure.name != "f57") << figure.name;
  }
  EXPECT_THAT(log.text(), AllOf(HasSubstr("f57.gp: not drawn: "), HasSubstr("nonsense"), Not(HasSubstr("f56"))));
}

TEST(Figures, MissingRatesBeginAtZero) {
  MissingReport report{{.rates = {0, 0.1, 0.5, 0.9}}, {{"random", {}}}};
  for (const float error : {0.3F, 0.35F, 0.4F, 0.5F})
    report.curves[0].metrics.push_back(
        evaluate_metrics(MetricFamily::sims, std::vector<float>{error}, std::vector<float>{0}));
  const std::vector<MissingSystem> systems{{"kuda", {1}, {report}}};
  const CaughtLog log;
  const auto figure = draw(missing_figure(systems, 0), scratch_folder("figures"));
  if (log.text().find("not installed") != std::string::npos) GTEST_SKIP() << "gnuplot is absent";
  EXPECT_THAT(figure.svg, AllOf(HasSubstr("> 0</text>"), HasSubstr("> 0.9</text>"), Not(HasSubstr(">-0.1</text>"))));
}

// With `index` gnuplot would read the whole file again for each seed.
TEST(Figures, CurvesOfManySeedsAreReadOnce) {
  const auto root = scratch_folder("runs");
  for (std::int64_t seed = 1; seed <= 21; ++seed)
    write_run(root / "mosi/tfn" / std::to_string(seed), {.seed = seed, .clips = 4});
  const auto out = scratch_folder("report");
  const CaughtLog log;
  std::vector<std::string> tasks;
  struct Recording : Progress {
    explicit Recording(std::vector<std::string>& list) : tasks(list) {}
    void step(const ProgressStep& step) override {
      if (step.is_last()) tasks.push_back(fmt::format("{} {}", step.task, step.steps));
    }
    void line(const std::string&) override {}
    std::vector<std::string>& tasks;
  } progress(tasks);
  (void)write_report(find_runs({root}), Split::test, "", out, &progress);
  EXPECT_THAT(tasks, ElementsAre("report: runs 21", "report: mosi 10", "report: figures 10"));
  EXPECT_THAT(read_file(out / "figures/mosi-curves-tfn.gp"), AllOf(Not(HasSubstr("index")), Not(HasSubstr("seed"))));
  if (log.text().find("not installed") != std::string::npos) GTEST_SKIP() << "gnuplot is absent";
  EXPECT_EQ(log.text(), "");
  EXPECT_TRUE(fs::exists(out / "figures/mosi-curves-tfn.svg"));
}

TEST(Page, FiguresAreDrawnWithTheirDataBesideThem) {
  const auto out = scratch_folder("report");
  const CaughtLog log;
  (void)write_report(find_runs({three_systems()}), Split::test, "", out);
  if (log.text().find("not installed") != std::string::npos) GTEST_SKIP() << "gnuplot is absent";
  EXPECT_EQ(log.text(), "");
  for (const char* name :
       {"mosi-intervals-MAE", "mosi-intervals-Non0_F1_score", "mosi-curves-tfn+wide", "mosi-confusion-lmf"})
    for (const char* extension : {".dat", ".gp", ".svg", ".pdf"})
      EXPECT_TRUE(fs::exists(out / "figures" / (std::string(name) + extension))) << name << extension;
  EXPECT_THAT(read_file(out / "report.html"), HasSubstr("data:image/svg+xml"));
  for (const auto& entry : fs::directory_iterator(out / "figures"))
    EXPECT_FALSE(entry.path().filename().string().starts_with(".drawing")) << entry.path();
}

}  // namespace
}  // namespace kuda
