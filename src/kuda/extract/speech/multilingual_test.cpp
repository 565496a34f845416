// Whisper base, which knows 99 languages: where its weights are (scripts/setup.sh --multilingual).

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <tuple>
#include <utility>

#include "kuda/base/error.h"
#include "kuda/base/lower_case.h"
#include "kuda/base/utf8.h"
#include "kuda/extract/speech/speech.h"
#include "kuda/extract/speech/test_speech.h"
#include "kuda/extract/speech/written_language.h"

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

TEST(Multilingual, ChineseHasAWordForEachLetterInOneScript) {
  KUDA_NEEDS_WHISPER_BASE();
  // "The service of this restaurant is so bad, I shall not come again." The voice cmn of espeak-ng 1.51 reads pinyin as
  // English letters and digits.
  const auto sound = test::spoken(
      "\u8fd9\u5bb6\u9910\u5385\u7684\u670d\u52a1\u592a\u5dee\u4e86\uff0c\u6211\u518d\u4e5f\u4e0d\u6765\u4e86\u3002",
      "cmn-latn-pinyin");
  if (!sound.defined()) GTEST_SKIP() << "no espeak-ng and ffmpeg programs";
  const auto transcript = heard(sound, {.language = "zh"});
  EXPECT_EQ(transcript.language, "zh");
  EXPECT_THAT(transcript.text, HasSubstr("\u592a\u5dee\u4e86")) << "so bad";
  EXPECT_GE(transcript.words.size(), 10U);
  double before = 0;
  for (const auto& word : transcript.words) {
    const auto letters = decode_utf8(word.text);
    EXPECT_TRUE(letters.size() == 1 || (letters.size() == 2 && letters[1] < 0x3040)) << word.text << ": with its comma";
    EXPECT_GE(word.begin, before);
    EXPECT_GE(word.end, word.begin);
    before = word.end;
  }
  auto simplified = transcript;
  try {
    ChineseScript("Hans").write(simplified);
  } catch (const ConfigError&) {
    GTEST_SKIP() << "no OpenCC";
  }
  EXPECT_EQ(heard(sound, {.language = "zh-Hans"}).text, simplified.text);
}

}  // namespace
}  // namespace kuda
