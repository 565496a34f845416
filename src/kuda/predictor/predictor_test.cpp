#include "kuda/predictor/predictor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <thread>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/data/removal.h"
#include "kuda/predictor/clip_files.h"
#include "kuda/predictor/test_npy.h"
#include "kuda/predictor/test_predictor.h"

namespace kuda {
namespace {

namespace fs = std::filesystem;
using test::error_of;
using test::input_of;
using test::inputs_of;
using test::kPromise;
using test::scratch_folder;
using test::TrainedModel;
using testing::AllOf;
using testing::HasSubstr;

TEST_F(TrainedModel, AnotherPrecisionGivesTheScoresOfPredictInThatPrecision) {
  const auto inputs = inputs_of(dataset);
  const Predictor rounded(folder / "run", {.precision = "bf16-emulated", .batch_size = 1});
  const auto expected =
      Scorer(folder / "run", dataset, {.batch_size = 1, .precision = "bf16-emulated"}).predict(rows_of(dataset, "all"));
  const auto scores = rounded.score(inputs);
  for (std::size_t i = 0; i < scores.size(); ++i) EXPECT_NEAR(scores[i].score, expected[i].score, kPromise);
  EXPECT_EQ(rounded.features(std::span(inputs).first(1)).size(), 1U);
  EXPECT_EQ(rounded.explain(std::span(inputs).first(1)).size(), 1U);
  EXPECT_THROW(Predictor(folder / "run", {.precision = "half"}), ConfigError);
}

TEST_F(TrainedModel, ScoresAreThoseOfPredictForEveryClipAndBatchSize) {
  const auto rows = rows_of(dataset, "all");
  const auto expected = Scorer(folder / "run", dataset).predict(rows);
  const auto inputs = inputs_of(dataset);
  for (const std::int64_t size : {1, 5, 32}) {
    const auto scores = Predictor(folder / "run", {.batch_size = size}).score(inputs);
    ASSERT_EQ(scores.size(), rows.size());
    for (std::size_t i = 0; i < scores.size(); ++i) {
      EXPECT_EQ(scores[i].id, expected[i].id);
      EXPECT_NEAR(scores[i].score, expected[i].score, kPromise) << scores[i].id << ", batches of " << size;
      for (const auto m : kModalities) {
        ASSERT_EQ(scores[i].unimodal[m].has_value(), !std::isnan(expected[i].unimodal[m]));
        if (scores[i].unimodal[m]) EXPECT_NEAR(*scores[i].unimodal[m], expected[i].unimodal[m], kPromise);
      }
      EXPECT_LE(scores[i].batch_clips, size);
      EXPECT_GT(scores[i].seconds, 0);
    }
  }
}

TEST_F(TrainedModel, ManyThreadsGetTheScoresOfOne) {
  const auto inputs = inputs_of(dataset);
  const auto expected = predictor.score(inputs);
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < 6; ++t)
    threads.emplace_back([&, t] {
      for (std::size_t k = 0; k < inputs.size(); ++k) {
        const auto i = (k + 4 * t) % inputs.size();
        if (std::abs(predictor.score(inputs[i]).score - expected[i].score) > kPromise) ++wrong;
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST_F(TrainedModel, LeadingZeroFramesAreCutAsInTheDataSet) {
  // The data are longer than what the model reads, so their rule skips leading zero frames.
  ASSERT_GT(dataset.vision->padded_length, 10);
  dataset.vision->values = dataset.vision->values.clone();
  for (std::int64_t row = 0; row < 4; ++row) dataset.vision->clip(row).slice(0, 0, row).zero_();
  const auto expected = Scorer(folder / "run", dataset, {.batch_size = 1}).predict({0, 1, 2, 3});
  for (std::int64_t row = 0; row < 4; ++row)
    EXPECT_NEAR(predictor.score(input_of(dataset, row)).score, expected[std::size_t(row)].score, kPromise);
}

TEST_F(TrainedModel, AClipLongerThanAnyOtherDoesNotMoveItsNeighbours) {
  auto clips = inputs_of(dataset);
  const auto alone = predictor.score(clips);
  auto longest = clips[0];
  longest.vision = own_frames(std::vector<float>(std::size_t(5 * 400), 0.25F), 5);
  clips.push_back(longest);
  const auto together = predictor.score(clips);
  for (std::size_t i = 0; i < alone.size(); ++i) EXPECT_NEAR(together[i].score, alone[i].score, kPromise);
  EXPECT_NEAR(together.back().score, predictor.score(longest).score, kPromise);
}

TEST_F(TrainedModel, AClipThatIsCutSaysSo) {
  const auto& inputs = predictor.facts().inputs;
  ClipInput clip;
  clip.text = "fine";
  clip.vision = own_frames(std::vector<float>(std::size_t(5 * inputs.vision.length), 0.25F), 5);
  EXPECT_EQ(predictor.score(clip).cut, Cuts{}) << "as long as the model reads";
  clip.vision = own_frames(std::vector<float>(std::size_t(5 * (inputs.vision.length + 3)), 0.25F), 5);
  EXPECT_EQ(predictor.score(clip).cut.vision, (Cut{inputs.vision.length + 3, inputs.vision.length}));
  EXPECT_EQ(predictor.score(clip).cut.text, std::nullopt);
  EXPECT_EQ(predictor.score(clip.leave_out(Modality::vision)).cut, Cuts{}) << "what is left out is not cut";
  clip.text = std::string(std::size_t(inputs.text.length), '!');  // a piece each, and [CLS] and [SEP]
  EXPECT_EQ(predictor.score(clip).cut.text, (Cut{inputs.text.length + 2, inputs.text.length}));
}

TEST_F(TrainedModel, AMissingModalityIsWhatRemovalMakesOfIt) {
  const auto checkpoint = load_checkpoint(folder / "run");
  const auto collator = make_collator(checkpoint, dataset);
  const torch::NoGradGuard no_grad;
  for (const auto modality : kModalities) {
    auto clip = input_of(dataset, 3);
    if (modality == Modality::text) clip.text.reset();
    if (modality == Modality::vision) clip.vision.reset();
    if (modality == Modality::audio) clip.audio = own_frames({}, 4);  // none, in another way
    const auto expected = checkpoint.model->forward(without(collator({3}), modality), nullptr).score.item<float>();
    EXPECT_NEAR(predictor.score(clip).score, expected, kPromise) << modality_name(modality);
  }
  ClipInput only_text;
  only_text.text = "a fine film";
  EXPECT_TRUE(std::isfinite(predictor.score(only_text).score));
}

TEST_F(TrainedModel, TokenIdsGiveTheScoreOfTheirText) {
  const auto checkpoint = load_checkpoint(folder / "run");
  auto clip = input_of(dataset, 2);
  const auto expected = predictor.score(clip).score;
  const auto encoded = checkpoint.tokenizer->encode(*clip.text, 16);
  clip.token_ids.assign(encoded.ids.begin(), encoded.ids.begin() + encoded.length);
  clip.text.reset();
  EXPECT_NEAR(predictor.score(clip).score, expected, kPromise);
}

TEST_F(TrainedModel, ScoresBeyondTheRangeOfTheLabelsAreMarked) {
  const auto input = input_of(dataset, 2);
  const auto score = predictor.score(input);
  ASSERT_GT(score.score, -0.9F);
  ASSERT_LT(score.score, 0.9F);
  EXPECT_FALSE(score.outside_range);
  const auto with_range = [&](double low, double high) {
    const auto copy = scratch_folder("model");
    fs::copy(folder / "run" / "model", copy, fs::copy_options::recursive | fs::copy_options::overwrite_existing);
    auto facts = nlohmann::ordered_json::parse(read_file(copy / "config.json"));
    facts["score_low"] = low;
    facts["score_high"] = high;
    write_file(copy / "config.json", facts.dump(2));
    return Predictor(copy).score(input);
  };
  EXPECT_TRUE(with_range(-1, double(score.score) - 0.01).outside_range);
  EXPECT_TRUE(with_range(double(score.score) + 0.01, 1).outside_range);
  EXPECT_FALSE(with_range(double(score.score) - 0.01, double(score.score) + 0.01).outside_range);
}

TEST_F(TrainedModel, InputFarFromThatOfTrainingIsMarked) {
  auto input = input_of(dataset, 2);
  for (const auto m : kModalities) EXPECT_FALSE(predictor.score(input).far_input[m]);
  std::vector<float> loud(input.audio->values.begin(), input.audio->values.end());
  for (auto& value : loud) value *= 1000;
  input.audio = own_frames(loud, input.audio->width);
  const auto score = predictor.score(input);
  EXPECT_TRUE(score.far_input.audio);
  EXPECT_FALSE(score.far_input.vision || score.far_input.text);
  EXPECT_FALSE(predictor.score(input.leave_out(Modality::audio)).far_input.audio) << "the model does not see it";
}

TEST_F(TrainedModel, IntervalsComeFromTheCalibration) {
  const auto calibration = *load_checkpoint(folder / "run").calibration;
  auto clip = input_of(dataset, 1);
  const auto score = predictor.score(clip);
  ASSERT_TRUE(score.interval.has_value());
  const auto expected = calibration.interval(score.score, 0.8);
  EXPECT_EQ(score.interval->low, expected.low);
  EXPECT_EQ(score.interval->high, expected.high);
  EXPECT_EQ(predictor.facts().calibration_clips, 6U);
  EXPECT_FALSE(Predictor(folder / "run", {.level = 0.95}).score(clip).interval.has_value()) << "six clips are too few";
  clip.audio.reset();
  EXPECT_FALSE(predictor.score(clip).interval.has_value()) << "the errors are of clips with every modality";
}

TEST_F(TrainedModel, ExplainsWhatEachModalityContributes) {
  const auto inputs = inputs_of(dataset);
  const std::vector<ClipInput> two{inputs[0], inputs[5]};
  const auto explained = predictor.explain(two, /*with_attention=*/true);
  ASSERT_EQ(explained.size(), 2U);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_NEAR(explained[i].clip.score, predictor.score(two[i]).score, kPromise);
    auto silent = two[i];
    silent.audio.reset();
    ASSERT_TRUE(explained[i].without.audio.has_value());
    EXPECT_NEAR(*explained[i].without.audio, predictor.score(silent).score, kPromise);
    EXPECT_TRUE(explained[i].leading[Evidence::removal].has_value());
    EXPECT_EQ(explained[i].leading[Evidence::unimodal], predictor.score(two[i]).leading);
  }
}

TEST_F(TrainedModel, NothingIsSaidOfAModalityThatTheClipLacks) {
  auto clip = inputs_of(dataset)[0];
  clip.vision.reset();
  const auto explained = predictor.explain(std::span(&clip, 1)).front();
  EXPECT_FALSE(explained.clip.unimodal.vision.has_value());
  EXPECT_FALSE(explained.without.vision.has_value());
  EXPECT_FALSE(explained.share.vision.has_value());
  for (const auto& leading :
       {explained.clip.leading, explained.leading[Evidence::share], explained.leading[Evidence::removal]}) {
    ASSERT_TRUE(leading.has_value());
    EXPECT_NE(*leading, Modality::vision);
  }
}

TEST_F(TrainedModel, AModalityThatIsLeftOutIsOneThatTheClipLacks) {
  const auto whole = input_of(dataset, 2);
  for (const auto modality : kModalities) {
    auto left_out = whole, lacking = whole;
    left_out.without[modality] = true;
    if (modality == Modality::text) lacking.text.reset();
    if (modality == Modality::vision) lacking.vision.reset();
    if (modality == Modality::audio) lacking.audio.reset();
    const auto score = predictor.score(left_out);
    EXPECT_NEAR(score.score, predictor.score(lacking).score, kPromise) << modality_name(modality);
    EXPECT_FALSE(score.unimodal[modality].has_value());
    EXPECT_FALSE(score.interval.has_value());
  }
  auto of_other_width = whole;
  of_other_width.vision = own_frames(std::vector<float>(14, 0.5F), 7);
  EXPECT_THAT(refused(of_other_width), HasSubstr("found 7"));
  EXPECT_GT(predictor.score(of_other_width.leave_out(Modality::vision)).seconds, 0) << "what is left out is not judged";
  auto nothing = whole;
  nothing.without = {true, true, true};
  EXPECT_THAT(refused(nothing), HasSubstr("at least one modality, found none"));
}

TEST_F(TrainedModel, ExplanationsHaveTheWordPiecesThatTheModelRead) {
  const auto tokenizer = load_checkpoint(folder / "run").tokenizer;
  ClipInput clip;
  clip.text = "fine";
  const auto explained = predictor.explain(std::span(&clip, 1), /*with_attention=*/true).front();
  EXPECT_EQ(explained.tokens, tokenizer->tokens("fine"));
  ASSERT_TRUE(explained.attention.text.has_value());
  EXPECT_EQ(explained.attention.text->rows, std::int64_t(explained.tokens.size()));
  clip.text = "a b c d e f g h i j k l m n o p q r s t";
  EXPECT_EQ(predictor.explain(std::span(&clip, 1)).front().tokens.size(), 16U) << "cut as the model reads it";
}

TEST_F(TrainedModel, ErrorsNameTheFieldWhatWasExpectedAndWhatWasFound) {
  ClipInput clip;
  EXPECT_THAT(refused(clip), AllOf(HasSubstr("at least one modality"), HasSubstr("text, vision, audio")));
  clip.id = "mine";
  clip.vision = own_frames({1, 2, 3, 4, 5, 6}, 6);
  EXPECT_THAT(refused(clip),
              AllOf(HasSubstr("mine.vision: expected frames of 5 features, found 6"), HasSubstr("the same extractor")));
  clip.vision = own_frames({1, 2, 3, 4, 5, 6}, 5);
  EXPECT_THAT(refused(clip), HasSubstr("expected whole frames of 5 features, found 6 values"));
  clip.vision = own_frames({1, 2}, 0);
  EXPECT_THAT(refused(clip), HasSubstr("mine"));
  clip.vision.reset();
  clip.token_ids = {2, 99999, 3};
  EXPECT_THAT(refused(clip), HasSubstr("found 99999"));
  clip.text = "both";
  EXPECT_THAT(refused(clip), HasSubstr("found both"));
  clip.token_ids.clear();
  clip.text_features = own_frames({1, 2}, 2);
  EXPECT_THAT(refused(clip), HasSubstr("the model reads word pieces"));
}

TEST_F(TrainedModel, ValuesThatAreNotFiniteAreCleanedAsInTraining) {
  auto clip = input_of(dataset, 0), cleaned = clip;
  std::vector<float> values(clip.audio->values.begin(), clip.audio->values.end());
  values[1] = std::numeric_limits<float>::quiet_NaN();
  clip.audio = own_frames(values, 4);
  values[1] = 0;
  cleaned.audio = own_frames(values, 4);
  EXPECT_NEAR(predictor.score(clip).score, predictor.score(cleaned).score, kPromise);
}

TEST_F(TrainedModel, FramesComeFromFilesToo) {
  auto clip = input_of(dataset, 4);
  const auto expected = predictor.score(clip).score;
  const auto path = test::scratch("vision.npy");
  write_file(path,
             test::npy_bytes({clip.vision->length(), 5}, {clip.vision->values.begin(), clip.vision->values.end()}));
  clip.vision = load_frames(path, Modality::vision);
  EXPECT_NEAR(predictor.score(clip).score, expected, kPromise);
}

TEST_F(TrainedModel, FactsSayWhatItReads) {
  const auto& facts = predictor.facts();
  EXPECT_EQ(facts.model, "kuda");
  EXPECT_EQ(facts.text, "raw");
  EXPECT_TRUE(facts.is_synthetic);
  EXPECT_EQ(facts.inputs.vision.width, 5);
  EXPECT_EQ(facts.inputs.vision.length, 10);
  EXPECT_EQ(facts.inputs.text.length, 16);
}

TEST_F(TrainedModel, LoadingDoesNotTouchTheProgramsRandomNumbers) {
  torch::manual_seed(5);
  const auto expected = torch::rand({3});
  torch::manual_seed(5);
  const Predictor another(folder / "run");
  EXPECT_TRUE(torch::equal(torch::rand({3}), expected));
}

TEST_F(TrainedModel, OptionsAreChecked) {
  EXPECT_THROW(Predictor(folder / "run", {.batch_size = 0}), ConfigError);
  EXPECT_THROW(Predictor(folder / "run", {.level = 1}), ConfigError);
  EXPECT_THROW(Predictor(folder / "run", {.device = "gpu"}), ConfigError);
  EXPECT_THROW(Predictor(folder / "clips"), CheckpointError);
}

TEST_F(TrainedModel, CheckpointsFromBeforeCalibrationStillWork) {
  const auto old = scratch_folder("old") / "model";
  fs::copy(folder / "run" / "model", old);
  fs::remove(old / "calibration.json");
  auto config = nlohmann::ordered_json::parse(read_file(old / "config.json"));
  config.erase("is_aligned");
  config.erase("padded_lengths");
  write_file(old / "config.json", config.dump());
  const auto score = Predictor(old).score(input_of(dataset, 0));
  EXPECT_FALSE(score.interval.has_value());
  EXPECT_NEAR(score.score, predictor.score(input_of(dataset, 0)).score, kPromise) << "no leading zero frames here";
}

TEST_F(TrainedModel, AModelOfTwoModalitiesRefusesTheThird) {
  const auto out = scratch_folder("run");
  test::run(test::small_config(folder, {"kuda.knowledge=false", "train.epochs=1", "data.modalities=text,audio"}), out);
  const Predictor two(out);
  EXPECT_THAT(error_of<DataError>([&] { (void)two.score(input_of(dataset, 0)); }),
              AllOf(HasSubstr("vision: the model was trained without vision"), HasSubstr("it reads text, audio")));
  auto clip = input_of(dataset, 0);
  clip.vision.reset();
  EXPECT_NEAR(two.score(clip).score, Scorer(out, dataset, {.batch_size = 1}).predict({0})[0].score, kPromise);
}

TEST_F(TrainedModel, ModelsOnTextFeaturesTakeThem) {
  dataset.text_features = dataset.vision;  // any sequence will do
  const auto other = scratch_folder("other");
  write_prepared(other / "clips", dataset);
  auto config = RunConfig::load({}, {"", {"model=tfn", "train.epochs=1", "train.batch_size=4"}});
  config.data = (other / "clips").string();
  test::run(std::move(config), other / "run");
  const auto data = open_dataset(other / "clips");
  const Predictor tfn(other / "run");
  EXPECT_EQ(tfn.facts().text, "features");
  auto clip = input_of(data, 7);
  EXPECT_THAT(error_of<DataError>([&] { (void)tfn.score(clip); }),
              HasSubstr("the model reads text features, 5 a frame"));
  clip.text.reset();
  clip.text_features = test::frames_of_row(*data.text_features, 7);
  EXPECT_NEAR(tfn.score(clip).score, Scorer(other / "run", data, {.batch_size = 1}).predict({7})[0].score, kPromise);
}

}  // namespace
}  // namespace kuda
