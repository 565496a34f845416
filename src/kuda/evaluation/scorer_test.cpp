#include "kuda/evaluation/scorer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/runs/test_small_run.h"
#include "kuda/training/test_toy_model.h"

namespace kuda {
namespace {

namespace fs = std::filesystem;
using namespace test;
using test::error_of;
using testing::Contains;
using testing::HasSubstr;

/// One finished run on synthetic clips.
class ScorerOfARun : public testing::Test {
 protected:
  static void SetUpTestSuite() { folder = finished_run("run"); }
  static fs::path folder;
  Dataset dataset = open_dataset(folder / "clips");
};
fs::path ScorerOfARun::folder;

TEST_F(ScorerOfARun, ScoresDoNotDependOnTheBatchSize) {
  const auto rows = rows_of(dataset, "all");
  const auto whole = Scorer(folder / "run", dataset).predict(rows);
  for (const std::int64_t size : {1, 5}) {
    const Scorer scorer(folder / "run" / "model", dataset, {.batch_size = size});
    const auto parts = scorer.predict(rows);
    ASSERT_EQ(parts.size(), rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
      EXPECT_EQ(parts[i].id, dataset.clips[std::size_t(rows[i])].id());
      EXPECT_EQ(parts[i].split, dataset.clips[std::size_t(rows[i])].split);
      EXPECT_NEAR(parts[i].score, whole[i].score, 1e-5);  // the promise of `kuda predict`
      for (const auto m : kModalities) EXPECT_NEAR(parts[i].unimodal[m], whole[i].unimodal[m], 1e-5);
    }
  }
}

TEST_F(ScorerOfARun, MetricsAreThoseOfTheRun) {
  const Scorer scorer(folder / "run", dataset, {.batch_size = 4});  // as the run
  const auto report = evaluate(scorer, scorer.predict(rows_of(dataset, "all")));
  const auto before = read_report(folder / "run" / "metrics.json");
  for (const auto split : kSplits) {
    const auto &rows = report.splits[std::size_t(split)], &old = before.splits[std::size_t(split)];
    ASSERT_EQ(rows.size(), old.size());
    // Weights prepared for scoring change scores, of order 1, in float32's last digits.
    EXPECT_NEAR(rows[0].metrics.value("MAE"), old[0].metrics.value("MAE"), 1e-6);
    for (const auto index : {2, 3})  // mean, majority; text only is stage 1 there and the decoder here
      EXPECT_EQ(rows[std::size_t(index)].metrics.value("MAE"), old[std::size_t(index)].metrics.value("MAE"));
  }
  EXPECT_EQ(report.facts.chosen_epoch, before.facts.chosen_epoch);
  EXPECT_TRUE(scorer.notes().empty() || scorer.notes()[0].find("other data") == std::string::npos);
}

TEST_F(ScorerOfARun, ClipsWithoutLabelsAreScoredAndNotMeasured) {
  for (auto& clip : dataset.clips)
    if (clip.split == Split::test) clip.label = kUnknown;
  const Scorer scorer(folder / "run", dataset);
  const auto predictions = scorer.predict(rows_of(dataset, "test"));
  EXPECT_EQ(predictions.size(), 6U);
  EXPECT_TRUE(std::isnan(predictions[0].label));
  const auto report = evaluate(scorer, predictions);
  EXPECT_TRUE(report.splits[std::size_t(Split::test)].empty());
  EXPECT_THAT(report.table(Split::test), HasSubstr("no clip with a known label"));
}

TEST_F(ScorerOfARun, NotesSayWhatAReaderMustKnow) {
  auto other = dataset;
  other.fingerprint = "another";
  EXPECT_THAT(Scorer(folder / "run", other).notes(), Contains(HasSubstr("trained on other data")));
  EXPECT_THAT(Scorer(folder / "run", dataset, {.modalities = {"T", "audio"}}).notes(), Contains(HasSubstr("only")));
  EXPECT_THAT(Scorer(folder / "run/pretrain/audio", dataset).notes(), Contains(HasSubstr("pretraining task audio")));
  EXPECT_THROW(Scorer(folder / "run", dataset, {.batch_size = 0}), ConfigError);
  ScoringOptions options;
  options.device = "gpu";
  EXPECT_THAT(error_of<ConfigError>([&] { const Scorer scorer(folder / "run", dataset, options); }),
              HasSubstr("expected cpu, cuda or cuda:N"));
}

TEST_F(ScorerOfARun, OtherPrecisionsGiveNearbyScoresAndANote) {
  const auto rows = rows_of(dataset, "test");
  const auto exact = Scorer(folder / "run", dataset).predict(rows);
  for (const std::string name : {"bf16-emulated", "int8"}) {
    if (name == "int8" && !support_of(torch::kCPU).int8) continue;
    const Scorer scorer(folder / "run", dataset, {.precision = name});
    EXPECT_THAT(scorer.notes(), Contains(HasSubstr("scored in " + name)));
    const auto scores = scorer.predict(rows);
    for (std::size_t i = 0; i < rows.size(); ++i)
      EXPECT_NEAR(scores[i].score, exact[i].score, 0.1) << name;  // of -1..1
  }
  EXPECT_THROW(Scorer(folder / "run", dataset, {.precision = "fp16"}), ConfigError);
  if (!support_of(torch::kCPU).bf16)
    EXPECT_THAT(error_of<ConfigError>([&] { const Scorer scorer(folder / "run", dataset, {.precision = "bf16"}); }),
                HasSubstr("no bfloat16 instructions"));
}

TEST_F(ScorerOfARun, FewerModalitiesGiveOtherScores) {
  const auto rows = rows_of(dataset, "test");
  const auto all = Scorer(folder / "run", dataset).predict(rows);
  const auto text = Scorer(folder / "run", dataset, {.modalities = {"text"}}).predict(rows);
  EXPECT_NE(all[0].score, text[0].score);
  EXPECT_FALSE(std::isnan(text[0].unimodal.text));
  EXPECT_TRUE(std::isnan(text[0].unimodal.audio)) << "no audio, no audio prediction";
}

TEST_F(ScorerOfARun, ClipsAreFoundById) {
  const auto id = dataset.clips[3].id();
  EXPECT_EQ(rows_of_clips(dataset, {id, dataset.clips[1].id()}), (std::vector<std::int64_t>{3, 1}));
  EXPECT_THAT(error_of<DataError>([&] { (void)rows_of_clips(dataset, {"synth_00001$_$00"}); }),
              HasSubstr("did you mean 'synth_00001$_$"));
  EXPECT_THAT(error_of<DataError>([&] { (void)rows_of_clips(dataset, {"quite another name"}); }),
              HasSubstr("VIDEO$_$CLIP"));
  auto numbered = dataset;
  for (const std::size_t row : {0, 14, 20}) numbered.clips[row].video_id = "0", numbered.clips[row].clip_id = "";
  EXPECT_THAT(error_of<DataError>([&] { (void)rows_of_clips(numbered, {"0"}); }),
              HasSubstr("'0' is the id of 3 clips (train, valid, test): which one is meant?"));
  EXPECT_EQ(rows_of_clips(numbered, {id}), std::vector<std::int64_t>{3});
  EXPECT_EQ(rows_of(dataset, "valid").size(), 6U);
  EXPECT_THROW((void)rows_of(dataset, "dev"), ConfigError);
}

}  // namespace
}  // namespace kuda
