// Whisper base, which knows 99 languages: where its weights are (scripts/setup.sh --multilingual).

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <tuple>
#include <utility>

#include "kuda/base/lower_case.h"
#include "kuda/extract/speech/speech.h"
#include "kuda/extract/speech/test_speech.h"

namespace kuda {
namespace {

using testing::HasSubstr;

std::filesystem::path folder() { return std::filesystem::path(KUDA_SOURCE_DIR) / "extractors/whisper-base"; }

#define KUDA_NEEDS_WHISPER_BASE()         \
  if (!std::filesystem::exists(folder())) \
  GTEST_SKIP() << "no weights in " << folder() << " (scripts/setup.sh --multilingual)"

Transcript heard(const torch::Tensor& sound, const RecogniserOptions& options = {}) {
  return SpeechRecogniser(folder(), options).transcribe(sound, {{0, double(sound.size(0)) / 16000}});
}

TEST(Multilingual, RealClipsGiveTheTextOfTheReferenceProgram) {
  KUDA_NEEDS_WHISPER_BASE();
  // faster-whisper 1.2.1 with the same weights in float32, the most probable piece at each step, without time stamps.
  const std::pair<const char*, const char*> clips[] = {
      {"bbaf2n", "Bimble F2 now."}, {"brbk7n", "Been read by K7 now."}, {"id2_vcd_swwp2s", "Set white with P2 soon."}};
  for (const auto& [name, text] : clips) {
    const auto path = test::shared_file("data/grid/" + std::string(name) + ".mpg");
    if (!std::filesystem::exists(path)) GTEST_SKIP() << "no real clips at " << path;
    const auto sound = test::sound_of_file(path);
    if (!sound.defined()) GTEST_SKIP() << "no ffmpeg program";
    const auto transcript = heard(sound);
    EXPECT_EQ(transcript.text, text);
    EXPECT_EQ(transcript.language, "en");
    EXPECT_FALSE(transcript.repeated);
  }
}

TEST(Multilingual, ALanguageIsHeardAndItsWordsAreWrittenDown) {
  KUDA_NEEDS_WHISPER_BASE();
  const std::tuple<const char*, const char*, const char*> said[] = {
      {"de", "Das war der schlechteste Film, den ich in diesem Jahr gesehen habe.",
       "film, den ich in diesem jahr gesehen habe"},
      {"fr", "Je suis tr\u00e8s content de ce film.", "je suis tr\u00e8s content"},
      {"es", "La comida estaba muy buena.", "estaba muy buena"}};
  for (const auto& [language, sentence, words] : said) {
    const auto sound = test::spoken(sentence, language);
    if (!sound.defined()) GTEST_SKIP() << "no espeak-ng and ffmpeg programs";
    const auto transcript = heard(sound);
    EXPECT_EQ(transcript.language, language);
    EXPECT_THAT(lower_case(transcript.text), HasSubstr(words));
    EXPECT_GE(transcript.words.size(), 5U);
    EXPECT_EQ(heard(sound, {.language = language}).text, transcript.text) << "named or heard is the same";
  }
}

}  // namespace
}  // namespace kuda
