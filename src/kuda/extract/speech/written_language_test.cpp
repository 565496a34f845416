// How languages are written: script and spaces.

#include "kuda/extract/speech/written_language.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kuda/base/error.h"
#include "kuda/base/test_support.h"

namespace kuda {
namespace {

using testing::HasSubstr;
using testing::Pair;

TEST(WrittenLanguage, AScriptBelongsToChineseAlone) {
  EXPECT_THAT(language_and_script("zh-Hans"), Pair("zh", "Hans"));
  EXPECT_THAT(language_and_script("yue-Hant"), Pair("yue", "Hant"));
  EXPECT_THAT(language_and_script("zh"), Pair("zh", ""));
  EXPECT_THAT(language_and_script(""), Pair("", ""));
  for (const std::string other : {"en-Hans", "zh-hans", "zh-TW", "zh-", "-Hans"})
    EXPECT_THAT(language_and_script(other), Pair(other, "")) << "no language that a model could know";
}

TEST(WrittenLanguage, OfTheLanguagesOfWhisperSixHaveNoSpaces) {
  for (const auto* code : {"zh", "yue", "ja", "th", "lo", "my"}) EXPECT_FALSE(has_spaces(code)) << code;
  for (const auto* code : {"en", "ko", "km", "vi", ""}) EXPECT_TRUE(has_spaces(code)) << code;
}

Transcript transcript_of(const std::string& text, const std::vector<std::string>& words) {
  Transcript transcript;
  transcript.text = text;
  for (const auto& word : words) transcript.words.push_back({word, 0, 0, 0});
  return transcript;
}

std::string words_of(const Transcript& transcript) {
  std::string words;
  for (const auto& word : transcript.words) words += word.text + "|";
  return words;
}

TEST(WrittenLanguage, WithoutAScriptNothingIsChanged) {
  auto transcript = transcript_of("\u5de5\u5ee0", {"\u5de5", "\u5ee0"});
  ChineseScript().write(transcript);
  EXPECT_EQ(transcript.text, "\u5de5\u5ee0");
}

#ifdef KUDA_OPENCC

TEST(WrittenLanguage, SimplifiedAndTraditionalCharactersChangePlacesLetterByLetter) {
  // "工廠 出現, OK2 產量" with a sign that belongs to its word.
  auto transcript = transcript_of("\u5de5\u5ee0 \u51fa\u73fe, OK2\u7522\u91cf",
                                  {"\u5de5", "\u5ee0", "\u51fa", "\u73fe,", "OK2", "\u7522", "\u91cf"});
  const auto before = transcript;
  ChineseScript("Hans").write(transcript);
  EXPECT_EQ(transcript.text, "\u5de5\u5382 \u51fa\u73b0, OK2\u4ea7\u91cf");
  EXPECT_EQ(words_of(transcript), "\u5de5|\u5382|\u51fa|\u73b0,|OK2|\u4ea7|\u91cf|");
  ChineseScript("Hant").write(transcript);
  EXPECT_EQ(transcript.text, before.text);
  EXPECT_EQ(words_of(transcript), words_of(before));
}

TEST(WrittenLanguage, AParticleIsSimplifiedWhereItIsOne) {
  auto transcript = transcript_of("\u4ed6\u770b\u8457\u6211", {"\u4ed6", "\u770b", "\u8457", "\u6211"});
  ChineseScript("Hans").write(transcript);
  EXPECT_EQ(transcript.text, "\u4ed6\u770b\u7740\u6211");
  EXPECT_EQ(words_of(transcript), "\u4ed6|\u770b|\u7740|\u6211|");
  auto famous = transcript_of("\u8457\u540d", {"\u8457", "\u540d"});
  ChineseScript("Hans").write(famous);
  EXPECT_EQ(famous.text, "\u8457\u540d");
}

TEST(WrittenLanguage, WordsAreWrittenAsTheyStandInTheText) {
  // 乾 is dry (干) or a part of the name 乾隆, where it stays: alone it would be changed.
  auto transcript = transcript_of("\u4e7e\u9686\u4e7e\u71e5", {"\u4e7e", "\u9686", "\u4e7e", "\u71e5"});
  ChineseScript("Hans").write(transcript);
  EXPECT_EQ(transcript.text, "\u4e7e\u9686\u5e72\u71e5");
  EXPECT_EQ(words_of(transcript), "\u4e7e|\u9686|\u5e72|\u71e5|");
}

#else

TEST(WrittenLanguage, WithoutOpenCCAScriptIsRefused) {
  EXPECT_THAT(test::error_of<ConfigError>([] { ChineseScript script("Hans"); }), HasSubstr("OpenCC"));
}

#endif

}  // namespace
}  // namespace kuda
