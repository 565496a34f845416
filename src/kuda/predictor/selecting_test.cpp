// The profile "selecting" from training to answers: on clips whose dominant modality is known, the ratio names it.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <sstream>

#include "kuda/checkpoint/predict.h"
#include "kuda/data/removal.h"
#include "kuda/data/synth/synth.h"
#include "kuda/explain/explain.h"
#include "kuda/predictor/test_clips.h"

namespace kuda::test {
namespace {

namespace fs = std::filesystem;

/// Each word that occurs, once.
std::vector<std::string> words_of(const Dataset& dataset) {
  std::set<std::string> words;
  for (const auto& clip : dataset.clips) {
    std::istringstream text(clip.text);
    for (std::string word; text >> word;) words.insert(word);
  }
  return {words.begin(), words.end()};
}

/// A narrow KuDA, trained on 400 synthetic clips with a text encoder of random weights: less than a minute.
class SelectingModel : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    torch::set_num_threads(1);
    set_log_sink([](LogLevel, const std::string&) {});
    folder = process_folder() / "selecting";
    fs::create_directories(folder);
    SynthOptions options;
    options.train = 400;
    options.valid = 50;
    options.test = 200;
    options.text_length = options.vision_length = options.audio_length = 12;
    options.vision_width = 5;
    options.audio_width = 4;
    auto set = synthesize(options);
    write_prepared(folder / "clips", set.dataset);
    truth = std::move(set.truth);
    write_small_encoder(folder / "encoder", 2, 32, 1, words_of(set.dataset));
    run(small_config(folder, {"profile=selecting", "data.text_length=12", "data.vision_length=12",
                              "data.audio_length=12", "data.normalise=standardise", "kuda.adapter_layers=[6, 12]",
                              "kuda.sequence_layers=2", "kuda.sequence_adapters=2", "kuda.adapter_depth_inner=1",
                              "kuda.sequence_width=32", "train.batch_size=16", "pretrain.batch_size=16",
                              "train.epochs=4", "pretrain.epochs=8", "train.lr=2e-3", "pretrain.lr=2e-3"}),
        folder / "run");
  }

  static fs::path folder;
  static std::vector<SynthTruth> truth;
  Dataset dataset = open_dataset(folder / "clips");
  Predictor predictor{folder / "run"};
};
fs::path SelectingModel::folder;
std::vector<SynthTruth> SelectingModel::truth;

std::vector<ClipInput> clips_of(const Dataset& dataset, const std::vector<std::int64_t>& rows) {
  std::vector<ClipInput> clips;
  for (const auto row : rows) clips.push_back(input_of(dataset, row));
  return clips;
}

TEST_F(SelectingModel, NamesTheDominantModalityOfNewClips) {
  const auto rows = dataset.rows(Split::test);
  ASSERT_EQ(rows.size(), 200U);
  const auto scores = predictor.score(clips_of(dataset, rows));
  int right = 0;
  double error = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto& ratio = scores[i].ratio;
    const auto& of_clip = truth[std::size_t(rows[i])];
    right += std::all_of(kModalities.begin(), kModalities.end(),
                         [&](auto m) { return *ratio[m] <= *ratio[of_clip.dominant]; });
    error += std::abs(scores[i].score - dataset.clips[std::size_t(rows[i])].label) / double(rows.size());
  }
  RecordProperty("named_of_200", right);
  RecordProperty("mae", std::to_string(error));
  EXPECT_GE(right, 160) << "chance is 67";
}

TEST_F(SelectingModel, RatiosAndPartsComeWithTheScoreAndItsExplanation) {
  const auto clips = clips_of(dataset, {0, 1});
  const auto scores = predictor.score(clips);
  const auto explained = predictor.explain(clips);
  for (std::size_t i = 0; i < 2; ++i) {
    double sum = 0;
    for (const auto m : kModalities) {
      sum += *scores[i].ratio[m];
      EXPECT_EQ(explained[i].clip.ratio[m], scores[i].ratio[m]);
      EXPECT_EQ(explained[i].clip.parts[m], scores[i].parts[m]);
      EXPECT_LE(*scores[i].ratio[m], *scores[i].ratio[*explained[i].leading[Evidence::ratio]]);
      // The scale is one number for all clips and modalities.
      EXPECT_NEAR(*scores[i].parts[m] * *scores[0].ratio.text * *scores[0].unimodal.text,
                  *scores[0].parts.text * *scores[i].ratio[m] * *scores[i].unimodal[m], 1e-6);
    }
    EXPECT_NEAR(sum, 1, 1e-6);
    const auto& parts = scores[i].parts;
    EXPECT_NEAR(*parts.text + *parts.vision + *parts.audio + *scores[i].correction, scores[i].score, 1e-6);
  }
}

TEST_F(SelectingModel, AClipThatLacksEverythingHasNoWeightsAndItsScoreIsTheCorrection) {
  const auto checkpoint = load_checkpoint(folder / "run");
  const auto collator = make_collator(checkpoint, dataset, {});
  auto batch = collator({0, 1});
  for (const auto m : kModalities) batch = without(batch, m);
  for (const auto& clip : predict_batch(*checkpoint.model, batch)) {
    EXPECT_EQ(clip.ratio, PerModality<float>{});
    for (const float part : clip.parts) EXPECT_TRUE(std::isnan(part));
    EXPECT_EQ(clip.correction, clip.score);
  }
  for (const auto& clip : explain_batch(*checkpoint.model, batch))
    EXPECT_FALSE(clip.leading(Evidence::ratio).has_value());
}

TEST_F(SelectingModel, AModalityThatTheClipLacksHasNoPartAndTheOthersShareTheRatio) {
  auto clip = input_of(dataset, 0);
  const auto whole = predictor.score(clip);
  const auto less = predictor.score(clip.leave_out(Modality::vision));
  EXPECT_EQ(less.ratio.vision, 0);
  EXPECT_FALSE(less.parts.vision.has_value());
  EXPECT_NEAR(*less.parts.text + *less.parts.audio + *less.correction, less.score, 1e-6);
  EXPECT_NEAR(*less.ratio.text + *less.ratio.audio, 1, 1e-6);
  EXPECT_NEAR(*less.ratio.text / *less.ratio.audio, *whole.ratio.text / *whole.ratio.audio, 1e-3);  // float32 ratios
}

}  // namespace
}  // namespace kuda::test
