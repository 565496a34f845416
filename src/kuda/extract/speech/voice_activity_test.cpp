#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kuda/base/error.h"
#include "kuda/extract/speech/speech.h"
#include "kuda/extract/speech/test_speech.h"
#include "kuda/io/safetensors.h"
#include "kuda/tensor/tensor.h"

namespace kuda {
namespace {

using test::error_of;
using testing::HasSubstr;
using torch::Tensor;

std::string shown(const std::vector<SpeechPart>& parts) {
  std::string text;
  for (const auto& part : parts) text += fmt::format("{:.2f}-{:.2f}|", part.begin, part.end);
  return text;
}

/// Probabilities of tenths of a second: '#' speech, '+' between the thresholds, '.' none.
std::string parts_of_row(const std::string& row, const SpeechPartOptions& options) {
  std::vector<float> probabilities;
  for (const char c : row) probabilities.push_back(c == '#' ? 0.9F : c == '+' ? 0.4F : 0.1F);
  return shown(parts_of(probabilities, 0.1, double(row.size()) / 10, options));
}

TEST(SpeechParts, BeginAtTheThresholdAndEndWithASilence) {
  const SpeechPartOptions options{.padding = 0};
  EXPECT_EQ(parts_of_row("...####....", options), "0.30-0.70|");
  EXPECT_EQ(parts_of_row("...++####++++....", options), "0.50-1.30|") << "between the thresholds what is, goes on";
  EXPECT_EQ(parts_of_row("..####..####...", options), "0.20-1.20|") << "a short pause does not divide";
  EXPECT_EQ(parts_of_row("..####...####...", options), "0.20-0.60|0.90-1.30|");
  EXPECT_EQ(parts_of_row("..##........", options), "") << "too short for speech";
  EXPECT_EQ(parts_of_row("####", options), "0.00-0.40|");
  EXPECT_EQ(parts_of_row("..####.", options), "0.20-0.60|");
  EXPECT_EQ(parts_of_row("", options), "");
}

TEST(SpeechParts, PaddingGoesToTheMiddleOfAPauseAtMost) {
  EXPECT_EQ(parts_of_row("..####...####...", {.padding = 0.1}), "0.10-0.70|0.80-1.40|");
  EXPECT_EQ(parts_of_row("..####...####.", {.padding = 5}), "0.00-0.75|0.75-1.40|");
}

const VoiceActivity& published_voice() {
  static const VoiceActivity voice(test::extractor_folder() / "voice_activity.safetensors");
  return voice;
}

TEST(VoiceActivity, GivesTheProbabilitiesOfThePublishedProgram) {
  KUDA_NEEDS_WEIGHTS();
  const auto answers = io::read_safetensors(test::data_file("speech/voice_activity.safetensors"));
  const auto sound = io::to_tensor(answers.at("sound")).to(torch::kFloat32) / 32768;
  const auto expected = answers.at("probabilities").to_doubles();
  // The last step is padded with silence, as silero's own scripts do.
  const auto found = published_voice().probabilities(sound);
  ASSERT_EQ(found.size(), expected.size());
  double lowest = 1, highest = 0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    EXPECT_NEAR(found[i], expected[i], 2e-5) << "step " << i;  // float32 through a recurrent layer
    lowest = std::min(lowest, expected[i]);
    highest = std::max(highest, expected[i]);
  }
  EXPECT_LT(lowest, 0.1);
  EXPECT_GT(highest, 0.9);
}

TEST(VoiceActivity, LongSoundIsComputedInPiecesThatJoin) {
  KUDA_NEEDS_WEIGHTS();
  const auto answers = io::read_safetensors(test::data_file("speech/voice_activity.safetensors"));
  const auto sound = io::to_tensor(answers.at("sound")).to(torch::kFloat32) / 32768;
  // Pieces are 1024 steps: behind 1000 steps of silence a seam lies in the sentence, behind 900 none. By then silence
  // has brought the recurrent layer to rest.
  const auto behind = [&](std::int64_t steps) {
    auto all = published_voice().probabilities(torch::cat({torch::zeros({512 * steps}), sound}));
    all.erase(all.begin(), all.begin() + steps);
    return all;
  };
  const auto with_seam = behind(1000), without = behind(900);
  ASSERT_EQ(with_seam.size(), without.size());
  for (std::size_t i = 0; i < without.size(); ++i) EXPECT_NEAR(with_seam[i], without[i], 1e-4) << "step " << i;
}

TEST(VoiceActivity, HearsNobodyInSilenceTonesNoiseAndMusic) {
  KUDA_NEEDS_WEIGHTS();
  EXPECT_EQ(shown(published_voice().parts(torch::zeros({5 * 16000}))), "");
  EXPECT_EQ(shown(published_voice().parts(torch::zeros({0}))), "");
  EXPECT_EQ(shown(published_voice().parts(test::tone(440, 5))), "");
  EXPECT_EQ(shown(published_voice().parts(test::tone(150, 5))), "");
  EXPECT_EQ(shown(published_voice().parts(test::noise(5))), "");
  EXPECT_EQ(shown(published_voice().parts(test::music(5))), "");
}

TEST(VoiceActivity, AgreesWithTheAlignmentOfARealClip) {
  KUDA_NEEDS_WEIGHTS();
  const auto clip = test::shared_file("data/grid/id2_vcd_swwp2s.mpg");
  if (!std::filesystem::exists(clip)) GTEST_SKIP() << "no real clips at " << clip;
  const auto sound = test::sound_of_file(clip);
  if (!sound.defined()) GTEST_SKIP() << "no ffmpeg program";
  const auto parts = published_voice().parts(sound, {.padding = 0});
  ASSERT_EQ(parts.size(), 1U) << shown(parts);
  EXPECT_NEAR(parts[0].begin, 0.49, 0.1);  // swwp2s.align: 25,000 units a second
  EXPECT_NEAR(parts[0].end, 2.21, 0.1);
}

TEST(VoiceActivity, OtherFilesAndOtherSoundsAreNamed) {
  const auto path = test::scratch("voice.safetensors");
  io::write_safetensors(path, {{"stft_conv.weight", io::make_array({258, 1, 255}, std::vector<float>(258 * 255))}});
  EXPECT_THAT(
      error_of<CheckpointError>([&] { VoiceActivity voice(path); }),
      HasSubstr(path.string() + ": stft_conv.weight: expected [258, 1, 256] float32, found [258, 1, 255] float32"));
  io::write_safetensors(path, {});
  EXPECT_THAT(error_of<CheckpointError>([&] { VoiceActivity voice(path); }), HasSubstr("found no such tensor"));
  write_file(path, "no weights");
  EXPECT_THAT(error_of<FormatError>([&] { VoiceActivity voice(path); }), HasSubstr(path.string()));
  KUDA_NEEDS_WEIGHTS();
  EXPECT_THAT(error_of<ShapeError>([&] {
                (void)published_voice().probabilities(torch::zeros({2, 16000}));
              }),
              HasSubstr("expected [S] float32 on the CPU, found [2, 16000] Float"));
  EXPECT_THAT(error_of<ShapeError>([&] { (void)published_voice().probabilities(torch::zeros({9}, torch::kInt16)); }),
              HasSubstr("found [9] Short"));
}

}  // namespace
}  // namespace kuda
