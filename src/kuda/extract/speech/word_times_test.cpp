#include "kuda/extract/speech/word_times.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kuda/base/test_support.h"
#include "kuda/extract/speech/second_pass.h"
#include "kuda/extract/speech/speech_windows.h"
#include "kuda/extract/speech/whisper_decoding.h"
#include "kuda/io/safetensors.h"
#include "kuda/tensor/tensor.h"

namespace kuda {
namespace {

using testing::ElementsAre;
using testing::Eq;
using testing::Pair;
using torch::Tensor;

TEST(WordTimes, TheCheapestPathGoesAroundWhatIsDear) {
  const auto cost = torch::tensor({{0.F, 9.F, 9.F, 9.F}, {0.F, 0.F, 9.F, 9.F}, {9.F, 9.F, 0.F, 0.F}});
  EXPECT_THAT(cheapest_path(cost), ElementsAre(Pair(0, 0), Pair(1, 0), Pair(1, 1), Pair(2, 2), Pair(2, 3)));
}

TEST(WordTimes, RowsBeginWhereTransformersLetsThemBegin) {
  const auto answers = io::read_safetensors(test::data_file("speech/answers.safetensors"));
  for (const std::string name : {"random", "peaks"}) {
    const auto times = row_times(io::to_tensor(answers.at(name)));
    const auto frames = answers.at(name + "_times").to_doubles();
    ASSERT_EQ(times.size(), frames.size());
    for (std::size_t i = 0; i < times.size(); ++i) EXPECT_NEAR(times[i], frames[i] * 0.02, 1e-9) << name << " " << i;
  }
}

/// "text begin-end|" of each word.
std::string shown(const std::vector<SpokenWord>& words) {
  std::string text;
  for (const auto& word : words) text += fmt::format("{} {:.2f}-{:.2f}|", word.text, word.begin, word.end);
  return text;
}

TEST(WordTimes, AWordBeginsWithASpaceAndKeepsItsPunctuation) {
  const auto words = words_of({" don", "'t", " go", ",", " \"", "Ann", "\""}, {0, std::log(0.5F), 0, 0, 0, 0, 0},
                              {0, 1, 2, 3, 4, 5, 6, 7}, true);
  EXPECT_EQ(shown(words), "don't 0.00-2.00|go, 2.00-4.00|\"Ann\" 4.00-7.00|");
  EXPECT_NEAR(words[0].probability, 0.75, 1e-6);
}

TEST(WordTimes, WithoutSpacesEachLetterIsAWord) {
  // "情" lies across two pieces, "你好" in one; the stop belongs to the letter before it, "OK2" stays together.
  const auto words = words_of({"\xE6\x83", "\x85", "\xE4\xBD\xA0\xE5\xA5\xBD", "\xE3\x80\x82", "OK", "2", " x"},
                              std::vector<float>(7, 0), {0, 1, 2, 4, 5, 6, 7, 8}, false);
  EXPECT_EQ(
      shown(words),
      "\xE6\x83\x85 0.00-2.00|\xE4\xBD\xA0 2.00-3.00|\xE5\xA5\xBD\xE3\x80\x82 3.00-5.00|OK2 5.00-7.50|x 7.50-8.00|");
}

TEST(WordTimes, BytesThatMakeNoLetterBecomeASign) {
  EXPECT_EQ(shown(words_of({" a", "\xE6\x83"}, {0, 0}, {0, 1, 2}, true)), "a\xEF\xBF\xBD 0.00-2.00|");
}

TEST(WordTimes, WordsLieInsideThePartsTheyWereSaidIn) {
  std::vector<SpokenWord> words{{"a", 0, 2, 1}, {"b", 2, 4.5, 1}, {"c", 4.5, 6, 1}, {"d", 6, 9, 1}, {"e", 9, 9.5, 1}};
  fit_into({{1, 3}, {5, 7}}, words);
  EXPECT_EQ(shown(words), "a 1.00-2.00|b 2.00-3.00|c 5.00-6.00|d 6.00-7.00|e 7.00-7.00|");
}

TEST(SpeechWindows, PartsShareAWindowUntilItIsFullOrThePauseIsLong) {
  const auto samples = torch::zeros({60 * 16000});
  const auto windows = speech_windows(samples, {{1, 5}, {6, 12}, {12.1, 20}, {24, 26}}, 18);
  ASSERT_EQ(windows.size(), 3U);  // 1-12, 12.1-20 (19 s would be too long), 24-26 (a pause of 4 s)
  EXPECT_THAT(windows[0].parts.size(), Eq(2U));
  EXPECT_DOUBLE_EQ(windows[0].begin, 0.8);
  EXPECT_DOUBLE_EQ(windows[0].end, 12.05);  // no farther than the middle of the pause
  EXPECT_DOUBLE_EQ(windows[1].begin, 12.05);
  EXPECT_DOUBLE_EQ(windows[2].end, 26.2);
  EXPECT_DOUBLE_EQ(windows[2].spoken(), 2);
  EXPECT_TRUE(speech_windows(samples, {}, 18).empty());
}

TEST(SpeechWindows, ALongPartIsCutWhereItIsQuiet) {
  auto samples = torch::ones({50 * 16000});
  samples.slice(0, 15 * 16000, 15 * 16000 + 3200).zero_();
  const auto windows = speech_windows(samples, {{0, 40}}, 18);
  ASSERT_EQ(windows.size(), 3U);
  EXPECT_NEAR(windows[0].end, 15.1, 0.06);
  EXPECT_DOUBLE_EQ(windows[2].end, 40.2);
  for (const auto& window : windows) EXPECT_LE(window.parts.back().end - window.parts.front().begin, 18);
}

TEST(Repetition, TheFirstCopyStays) {
  EXPECT_EQ(first_copy({1, 2, 3, 4}), std::nullopt);
  std::vector<std::int64_t> loop{9, 8};
  for (int copy = 0; copy < 4; ++copy) loop.insert(loop.end(), {1, 2, 3, 4});
  EXPECT_EQ(first_copy(loop), 6U);                                        // four copies of four pieces
  EXPECT_EQ(first_copy({loop.begin(), loop.end() - 1}), std::nullopt);    // fifteen pieces are not enough
  EXPECT_EQ(first_copy(std::vector<std::int64_t>(16, 5)), 1U);            // one piece sixteen times
  EXPECT_EQ(first_copy(std::vector<std::int64_t>(15, 5)), std::nullopt);  // somebody counts "no" on and on
}

/// What tiny.en wrote down, with the times of its attention: " B" "IM" "BL" "UE" " F" "2" " now" "." twice.
const std::vector<std::int64_t> kTwice{347, 3955, 9148, 8924, 376, 17, 783, 13,
                                       347, 3955, 9148, 8924, 376, 17, 783, 13};
/// GRID's bbaf2n, re-encoded as Opus by ffmpeg, in which it is said once.
const std::vector<double> kOnceBegins{0.69, 1.09, 1.25, 1.37, 1.53, 1.73, 1.93, 2.35, 2.35,
                                      2.35, 2.35, 2.35, 2.35, 2.35, 2.35, 2.35, 2.47},
    kOnceMiddles{1.27, 1.33, 1.38, 1.50, 1.67, 1.83, 1.98, 1.48, 1.33, 1.32, 1.36, 1.48, 1.61, 1.78, 1.89, 1.56};
const std::vector<SpeechPart> kOnce{{0.89, 2.28}};
/// Its words (0.4 to 2.2 s) twice without a pause.
const std::vector<double> kTwiceBegins{0.31, 0.69, 0.85, 0.95, 1.07, 1.33, 1.55, 2.09, 2.43,
                                       2.49, 2.65, 2.77, 2.89, 3.13, 3.33, 3.73, 3.73},
    kTwiceMiddles{1.16, 1.34, 1.29, 1.49, 1.50, 1.71, 2.08, 2.35, 2.30, 2.36, 2.38, 2.36, 2.77, 2.95, 3.09, 2.56};
const std::vector<SpeechPart> kSaidTwice{{0.51, 1.86}, {2.30, 3.65}};

TEST(Repetition, ASecondPassOverTheSameSoundIsFoundAndASentenceThatIsSaidTwiceIsNot) {
  EXPECT_EQ(second_pass(kTwice, kOnceBegins, kOnceMiddles, kOnce), 8U);
  EXPECT_EQ(second_pass(kTwice, kTwiceBegins, kTwiceMiddles, kSaidTwice), std::nullopt);
  // Each half of the evidence alone is none.
  EXPECT_EQ(second_pass(kTwice, kOnceBegins, kTwiceMiddles, kOnce), std::nullopt) << "it listened later";
  EXPECT_EQ(second_pass(kTwice, kTwiceBegins, kOnceMiddles, kSaidTwice), std::nullopt) << "somebody speaks there";
  auto changed = kTwice;
  changed[9] = 1;
  EXPECT_EQ(second_pass(changed, kOnceBegins, kOnceMiddles, kOnce), std::nullopt) << "it is no copy";
}

TEST(Repetition, ShortCopiesAreBelieved) {
  // "no" "," "no" ",": two pieces a copy, at one place
  EXPECT_EQ(second_pass({645, 11, 645, 11}, {0, 0, 0, 0, 0}, {0, 0, 0, 0}, {}), std::nullopt);
  const std::vector<double> begins(9, 1), middles(8, 1);
  EXPECT_EQ(second_pass({1, 2, 3, 4, 1, 2, 3, 4}, begins, middles, {}), 4U);
  EXPECT_EQ(second_pass({}, {0}, {}, {}), std::nullopt);
}

}  // namespace
}  // namespace kuda
