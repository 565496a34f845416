#include "kuda/predictor/video_predictor.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "kuda/base/file.h"
#include "kuda/extract/clip_extractor.h"
#include "kuda/predictor/test_predictor.h"

namespace kuda {
namespace {

namespace fs = std::filesystem;
using test::error_of;
using testing::HasSubstr;

const PerModality<bool> kFramesLeftOut{false, true, true};

/// A model of text, vision and audio that kuda did not make from video.
class VideoPredictorOfASmallModel : public test::TrainedModel {
 protected:
  void SetUp() override {
    try {
      require_video_reader();
    } catch (const DataError& error) {
      GTEST_SKIP() << error.what();
    }
  }
  /// Weights that are none of those of the default recipe, and a recogniser beside them.
  static fs::path other_weights() {
    const auto weights = test::scratch_folder("weights");
    for (const char* name : {"face", "whisper-tiny.en", "own"}) fs::create_directories(weights / name);
    write_file(weights / "face/detector.safetensors", "d");
    write_file(weights / "voice_activity.safetensors", "v");
    write_file(weights / "whisper-tiny.en/model.safetensors", "w");
    write_file(weights / "own/model.safetensors", "o");
    write_file(weights / "own/config.json", R"({"model_type": "whisper"})");
    return weights;
  }
  /// Why there is no predictor.
  static std::string refused_by(const fs::path& run, const fs::path& speech_model) {
    const auto weights = other_weights();
    VideoOptions options{.extractor = weights, .without = kFramesLeftOut};
    if (!speech_model.empty()) options.speech_model = weights / speech_model;
    return error_of<DataError>([&] { const VideoPredictor made(run, options); });
  }
};

TEST_F(VideoPredictorOfASmallModel, IsRefusedForFeaturesOfUnknownOrigin) {
  EXPECT_THAT(error_of<CheckpointError>([&] { const VideoPredictor made(folder / "run"); }),
              HasSubstr("was trained on features that kuda did not make from video"));
}

TEST_F(VideoPredictorOfASmallModel, TakesARecogniserOfOnesOwnWhereTheModelKeepsNoRecipe) {
  EXPECT_THAT(refused_by(folder / "run", ""), HasSubstr("models.speech: the recipe was made with weights of SHA-256"));
  EXPECT_THAT(refused_by(folder / "run", "own"), HasSubstr("models.voice_activity: the recipe was made with"))
      << "the recogniser is taken, other weights are the default ones as before";
}

TEST_F(VideoPredictorOfASmallModel, TakesTheRecogniserOfTheRecipeThatTheModelKeeps) {
  const auto run = test::scratch("run");
  fs::copy(folder / "run", run, fs::copy_options::recursive);
  const auto config = run / "model/config.json";
  auto object = nlohmann::ordered_json::parse(read_file(config));
  object["recipe"] = Recipe().to_toml();
  write_file(config, object.dump(2));
  EXPECT_THAT(refused_by(run, "own"),
              HasSubstr("own: models.speech: the recipe was made with weights of SHA-256 " + Recipe().models.speech));
}

TEST_F(VideoPredictorOfASmallModel, GivesTheScoreOfWhatIsHeard) {
  const auto weights = fs::path(KUDA_SOURCE_DIR) / kDefaultExtractor;
  const auto file = test::shared_file("data/grid/bbaf2n.mpg");
  if (!fs::exists(weights)) GTEST_SKIP() << "no weights: scripts/setup.sh --extractor";
  if (!fs::exists(file)) GTEST_SKIP() << "no clips of GRID at " << file;
  const VideoPredictor videos(folder / "run", {.extractor = weights, .without = kFramesLeftOut});
  EXPECT_FALSE(videos.facts().inputs.vision.is_in_use);
  EXPECT_TRUE(videos.predictor().facts().inputs.vision.is_in_use);
  const auto video = videos.score(file);
  EXPECT_THAT(video.report.transcript, HasSubstr("now"));
  EXPECT_EQ(video.report.facts.pictures_with_face, 30);
  EXPECT_EQ(video.report.face_boxes.size(), 30U);
  EXPECT_EQ(video.missing.vision, "not read");
  EXPECT_EQ(video.missing.text, "");
  ClipInput clip;
  clip.text = video.report.transcript;
  EXPECT_EQ(video.explanation.clip.score, predictor.score(clip).score);
  EXPECT_EQ(video.explanation.clip.id, "bbaf2n");

  const auto letter = test::scratch("letter.mp4");
  write_file(letter, "Dear reader");
  EXPECT_THAT(error_of<DataError>([&] { (void)videos.score(letter); }), HasSubstr(letter.string()));
}

}  // namespace
}  // namespace kuda
