// `kuda report` as files: tables in several formats, the page, figures.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "kuda/base/file.h"
#include "kuda/base/test_support.h"
#include "kuda/io/csv.h"
#include "kuda/reports/figures.h"
#include "kuda/reports/missing_table.h"
#include "kuda/reports/test_made_runs.h"
#include "kuda/reports/write_report.h"

namespace kuda {
namespace {

namespace fs = std::filesystem;
using test::CaughtLog;
using test::scratch_folder;
using test::table_of;
using test::three_systems;
using test::write_run;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

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
