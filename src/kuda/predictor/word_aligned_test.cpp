// From extracted clips to rows of word pieces, a model of each system that is made for them, and a score of raw video.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>

#include "kuda/base/file.h"
#include "kuda/checkpoint/small_encoder.h"
#include "kuda/evaluation/scorer.h"
#include "kuda/extract/extraction_report.h"
#include "kuda/extract/pack_clips.h"
#include "kuda/extract/test_source.h"
#include "kuda/predictor/predictor.h"
#include "kuda/predictor/test_clips.h"

namespace kuda {
namespace {

namespace fs = std::filesystem;
using test::error_of;
using testing::HasSubstr;

constexpr double kSameScore = 1e-5;  // float32, another batch

/// Two seconds of random frames and a word of letters each half second; every fifth clip has no face.
ExtractedClip made_clip(std::size_t number) {
  torch::manual_seed(std::int64_t(number));
  const auto random = [](std::int64_t frames, std::int64_t width) {
    const auto values = torch::randn({frames, width});
    const auto* first = values.const_data_ptr<float>();
    return io::make_array({frames, width}, std::vector<float>(first, first + values.numel()));
  };
  ExtractedClip clip;
  for (std::size_t i = 0; i < 1 + number % 4; ++i) {
    const std::string text = i % 2 == 0 ? "fine" : "a";
    clip.words.push_back({text, 0.5 * double(i), 0.5 * double(i) + 0.4, 0.9});
    clip.transcript += (i == 0 ? "" : " ") + text;
  }
  if (number % 5 != 0) clip.vision = random(20, 2);
  clip.audio = random(200, 3);
  return clip;
}

class WordAligned : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    torch::set_num_threads(1);
    set_log_sink([](LogLevel, const std::string&) {});
    folder() = test::process_folder() / "word-aligned";
    std::vector<Clip> clips(18);
    std::vector<ExtractionRow> rows;
    const ExtractionFolder extraction(folder() / "extracted");
    for (std::size_t i = 0; i < clips.size(); ++i) {
      clips[i].video_id = "v" + std::to_string(i);
      clips[i].split = i < 8 ? Split::train : i < 13 ? Split::valid : Split::test;
      clips[i].label = float(i % 7) - 3;
      rows.push_back({clips[i].id(), "", sha256(clips[i].id()), "", {}, 0});
    }
    extraction.begin(test::small_recipe(), "made", clips);
    for (std::size_t i = 0; i < clips.size(); ++i) write_extracted(extraction.clip(rows[i].key), made_clip(i));
    write_file(extraction.report({1, 1}), report_csv(rows));
    write_small_encoder(folder() / "encoder");
    write_small_encoder(folder() / "other-encoder", 4, 16, 1, {"fine"});
    PackOptions options;
    options.facts.score_range = {-3, 3};
    (void)pack_clips(extraction, folder() / "frames", options);
    options.align = PackAlign::words;
    options.encoder = folder() / "encoder";
    (void)pack_clips(extraction, folder() / "words", options);
  }
  static fs::path& folder() {
    static fs::path path;
    return path;
  }
  static void train(const std::vector<std::string>& sets, const std::string& data, const std::string& encoder,
                    const fs::path& out) {
    std::vector<std::string> all{"train.epochs=1", "train.batch_size=4"};
    all.insert(all.end(), sets.begin(), sets.end());
    auto config = RunConfig::load({}, {"", all});
    config.data = (folder() / data).string();
    config.encoder = (folder() / encoder).string();
    test::run(std::move(config), out);
  }
};

const std::vector<std::string> kBbfn{"model=bbfn", "bbfn.width=8", "bbfn.heads=2", "bbfn.layers=1",
                                     "bbfn.frozen_layers=1"};
const std::vector<std::string> kCubeMlp{"model=cubemlp", "cubemlp.width=8", "cubemlp.frozen_layers=1"};
const std::vector<std::string> kTmbl{"model=tmbl",          "tmbl.width=8",        "tmbl.layers=1",
                                     "tmbl.heads=2",        "tmbl.key_width=8",    "tmbl.value_width=8",
                                     "tmbl.feed_forward=8", "tmbl.frozen_layers=1"};

TEST_F(WordAligned, AVideoGetsTheScoreOfItsClipInTheDataSet) {
  const auto dataset = open_dataset(folder() / "words");
  ASSERT_TRUE(dataset.is_aligned);
  for (const auto& sets : {kBbfn, kCubeMlp, kTmbl}) {
    const auto out = test::scratch(sets.front());
    train(sets, "words", "encoder", out);
    const Predictor predictor(out);
    const auto test = dataset.rows(Split::test);
    const auto expected = Scorer(out, dataset, {.batch_size = 2}).predict(test);
    for (std::size_t i = 0; i < test.size(); ++i) {
      const auto input = predictor.input_of(made_clip(std::size_t(test[i])), "clip");
      EXPECT_NEAR(predictor.score(input).score, expected[i].score, kSameScore) << sets.front() << ", clip " << test[i];
    }
    auto late = made_clip(std::size_t(test[0]));
    for (auto& word : late.words) {
      word.begin += 0.1;
      word.end += 0.1;
    }
    EXPECT_GT(std::abs(predictor.score(predictor.input_of(late, "late")).score - expected[0].score), kSameScore)
        << sets.front() << ": the times of the words do not count";
  }
}

TEST_F(WordAligned, WithoutWordsAVideoHasNoFrames) {
  const auto out = test::scratch("run");
  train(kBbfn, "words", "encoder", out);
  const Predictor predictor(out);
  auto clip = made_clip(1);
  clip.words.clear();
  clip.transcript.clear();
  const auto input = predictor.input_of(clip, "silent");
  EXPECT_FALSE(input.vision || input.audio || input.text);
  const auto other = predictor.input_of(made_clip(1), "given", "a fine");
  EXPECT_EQ(other.vision->length(), 2 + 1 + 4) << "[CLS] a f ##i ##n ##e [SEP]: the rows are those of the given text";
}

TEST_F(WordAligned, FramesAndRowsOfWordsAreNotTakenForEachOther) {
  const auto out = test::scratch("run");
  train(kBbfn, "words", "encoder", out);
  const auto frames = open_dataset(folder() / "frames");
  EXPECT_THAT(
      error_of<CheckpointError>([&] { const Scorer scorer(out, frames, {}); }),
      HasSubstr("the model was trained on rows of word pieces, and the data hold frames at the recipe's rates"));
  EXPECT_THAT(error_of<DataError>([&] { train(kBbfn, "words", "other-encoder", test::scratch("other")); }),
              HasSubstr("its rows belong to the word pieces of another encoder"));
  train(kBbfn, "frames", "other-encoder", test::scratch("frames"));
}

}  // namespace
}  // namespace kuda
