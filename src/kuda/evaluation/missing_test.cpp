#include "kuda/evaluation/missing.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "kuda/base/error.h"
#include "kuda/base/log.h"
#include "kuda/runs/test_small_run.h"

namespace kuda {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using namespace test;
using test::error_of;

TEST(Missing, RatesAreARangeOrAList) {
  EXPECT_THAT(missing_rates("0:0.9:0.3"), ElementsAre(0, 0.3, 0.6, 0.9));
  EXPECT_EQ(missing_rates("0:0.9:0.1").size(), 10U);
  EXPECT_THAT(missing_rates("0,0.5,2"), ElementsAre(0, 0.5, 2));
  EXPECT_THAT(missing_rates("0.7"), ElementsAre(0.7));
  for (const auto* wrong :
       {"", "a", "0:1", "0:1:0", "0:1:-0.1", "1:0:0.1", "0.5,0.1", "0,0", "0:1:1e-9", "nan", "-1", "0,"})
    EXPECT_THAT(error_of<UsageError>([&] { (void)missing_rates(wrong); }), HasSubstr("0:0.9:0.1")) << wrong;
}

TEST(Missing, PatternsAreNamesOrLetters) {
  EXPECT_THAT(missing_patterns("random,each,pairs"), ElementsAre("random", "T", "V", "A", "TV", "TA", "VA"));
  EXPECT_THAT(missing_patterns("A,TA,A"), ElementsAre("A", "TA"));
  for (const auto* wrong : {"", "text", "TVA", "TT", "X"})
    EXPECT_THAT(error_of<UsageError>([&] { (void)missing_patterns(wrong); }), HasSubstr("--lose")) << wrong;
}

TEST(Missing, AreaIsTheTrapezoidRule) {
  EXPECT_DOUBLE_EQ(area_under({0, 0.5, 1}, {1, 2, 4}), 0.5 * 1.5 + 0.5 * 3);
  EXPECT_TRUE(std::isnan(area_under({0.5}, {1})));
}

TEST(Missing, CurvesBeginWithTheCompleteDataAndEndWithoutTheModality) {
  torch::set_num_threads(1);
  set_log_sink([](LogLevel, const std::string&) {});
  const auto folder = test::process_folder();
  write_inputs(folder);
  run(small_config(folder), folder / "run");
  const auto dataset = open_dataset(folder / "clips");
  const Scorer scorer(folder / "run", dataset);
  const auto rows = dataset.rows(Split::test);
  struct Counter : Progress {
    void step(const ProgressStep& step) override { passes += step.is_last() ? 1 : 0; }
    void line(const std::string&) override {}
    int passes = 0;
  } counter;
  const Scorer counted(folder / "run", dataset, {.progress = &counter});
  const auto report = measure_missing(counted, rows, {.rates = {0, 1}, .patterns = {"random", "VA"}});
  EXPECT_EQ(counter.passes, 3) << "the complete clips are scored once";
  ASSERT_EQ(report.curves.size(), 2U);
  const auto whole = measure(scorer.predict(rows), Split::test, dataset.family);
  const Scorer text_only(folder / "run", dataset, {.modalities = {"text"}});
  for (const auto& curve : report.curves) EXPECT_EQ(curve.metrics[0].value("MAE"), whole.value("MAE"));
  EXPECT_NE(report.curves[0].metrics[1].value("MAE"), whole.value("MAE"));
  EXPECT_NE(report.curves[0].metrics[1].value("MAE"), report.curves[1].metrics[1].value("MAE"));
  const auto text = missing_text(report);
  EXPECT_THAT(text, HasSubstr("missing any modality (seed 1, 6 clips)"));
  EXPECT_THAT(text, HasSubstr("missing VA"));
  const auto json = nlohmann::json::parse(missing_json(report));
  EXPECT_EQ(json["patterns"]["VA"]["metrics"]["MAE"]["values"][0].get<double>(), whole.value("MAE"));
  EXPECT_THAT(
      error_of<UsageError>([&] { (void)measure_missing(text_only, rows, {.rates = {0.5}, .patterns = {"A"}}); }),
      HasSubstr("--lose A: the model does not use audio"));
}

}  // namespace
}  // namespace kuda
