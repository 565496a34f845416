// Whisper tiny.en on real and on made speech: where its weights are (scripts/setup.sh --extractor).

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <tuple>

#include "kuda/extract/speech/speech.h"
#include "kuda/extract/speech/test_speech.h"

namespace kuda {
namespace {

using testing::HasSubstr;
using torch::Tensor;

struct Published {
  VoiceActivity voice{test::extractor_folder() / "voice_activity.safetensors"};
  SpeechRecogniser recogniser{test::extractor_folder() / "whisper-tiny.en"};
  [[nodiscard]] Transcript operator()(const Tensor& samples) const {
    return recogniser.transcribe(samples, voice.parts(samples));
  }
};

const Published& published() {
  static const Published models;
  return models;
}

TEST(SpokenText, SilenceTonesNoiseAndMusicGiveNone) {
  KUDA_NEEDS_WEIGHTS();
  for (const auto& sound : {torch::zeros({48000}), test::tone(440, 3), test::noise(3), test::music(4)})
    EXPECT_EQ(published()(sound).text, "");
  // Without the gate it is another story: this is why there is one.
  EXPECT_NE(published().recogniser.transcribe(torch::zeros({48000}), {{0, 3}}).text, "");
}

TEST(SpokenText, RealClipsGiveTheTextOfTheReferenceProgram) {
  KUDA_NEEDS_WEIGHTS();
  const std::pair<const char*, const char*> clips[] = {
      {"bbaf2n", "BIMBLUE F2 now."}, {"brbk7n", "Been read by K7 now."}, {"id2_vcd_swwp2s", "Set white with P2 soon."}};
  for (const auto& [name, text] : clips) {
    const auto path = test::shared_file("data/grid/" + std::string(name) + ".mpg");
    if (!std::filesystem::exists(path)) GTEST_SKIP() << "no real clips at " << path;
    const auto sound = test::sound_of_file(path);
    if (!sound.defined()) GTEST_SKIP() << "no ffmpeg program";
    const auto transcript = published()(sound);
    EXPECT_EQ(transcript.text, text);
    EXPECT_FALSE(transcript.repeated);
  }
}

TEST(SpokenText, WordsOfARealClipBeginWhereItsAlignmentSays) {
  KUDA_NEEDS_WEIGHTS();
  const auto path = test::shared_file("data/grid/id2_vcd_swwp2s.mpg");
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "no real clips at " << path;
  const auto sound = test::sound_of_file(path);
  if (!sound.defined()) GTEST_SKIP() << "no ffmpeg program";
  const auto transcript = published()(sound);
  // swwp2s.align, 25,000 units a second: set white with p two soon. Of "P2" the times are those of "p two".
  const std::tuple<const char*, double, double> expected[] = {
      {"Set", 0.49, 0.77}, {"white", 0.77, 1.09}, {"with", 1.09, 1.22}, {"P2", 1.22, 1.73}, {"soon.", 1.73, 2.21}};
  ASSERT_EQ(transcript.words.size(), std::size(expected));
  double before = 0, apart = 0;
  for (std::size_t i = 0; i < transcript.words.size(); ++i) {
    const auto& word = transcript.words[i];
    const auto& [text, begin, end] = expected[i];
    EXPECT_EQ(word.text, text);
    // A tenth of a second is five frames of the encoder, and Whisper was not trained to tell times.
    EXPECT_NEAR(word.begin, begin, 0.15) << text;
    EXPECT_NEAR(word.end, end, 0.2) << text;
    EXPECT_GE(word.begin, before);
    apart += std::abs(word.begin - begin);
    before = word.end;
  }
  EXPECT_LT(apart / 5, 0.1);
  EXPECT_LE(before, double(sound.size(0)) / 16000);
}

TEST(SpokenText, ManyRepeatedSentencesInALongSoundKeepTheirTimes) {
  KUDA_NEEDS_WEIGHTS();
  const auto path = test::shared_file("data/grid/bbaf2n.mpg");
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "no real clips at " << path;
  const auto clip = test::sound_of_file(path);
  if (!clip.defined()) GTEST_SKIP() << "no ffmpeg program";
  const auto once = published()(clip);
  const auto apart = torch::cat({clip, torch::zeros({16000 * 30}), clip});  // two windows, 33 seconds apart
  const auto twice = published()(apart);
  EXPECT_EQ(twice.text, once.text + " " + once.text);
  ASSERT_EQ(twice.words.size(), 2 * once.words.size());
  const double shift = double(clip.size(0)) / 16000 + 30;
  for (std::size_t i = 0; i < once.words.size(); ++i)
    EXPECT_NEAR(twice.words[once.words.size() + i].begin, once.words[i].begin + shift, 0.1);
}

}  // namespace
}  // namespace kuda
