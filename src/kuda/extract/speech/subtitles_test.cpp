#include "kuda/extract/speech/subtitles.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/base/random.h"
#include "kuda/base/test_support.h"
#include "kuda/base/utf8.h"

namespace kuda {
namespace {

using test::CaughtLog;
using test::error_of;
using testing::HasSubstr;
using testing::StartsWith;

/// "begin-end text" of each, in milliseconds.
std::string shown(const std::string& content) {
  std::string text;
  for (const auto& [begin, end, words] : parse_subtitles(content, "a.srt"))
    text += fmt::format("{}-{} {}|", std::llround(begin * 1000), std::llround(end * 1000), words);
  return text;
}

TEST(Subtitles, SubRipWithItsNumbersLinesAndTags) {
  EXPECT_EQ(shown("1\n00:00:01,500 --> 00:00:02,250\nHello <i>there</i>,\n{\\an8}Anna.\n\n"
                  "2\n01:02:03,004 --> 01:02:04,000 X1:10 X2:20\nA &amp; B <3\n"),
            "1500-2250 Hello there, Anna.|3723004-3724000 A & B <3|");
}

TEST(Subtitles, TheMarkOfUtf8AndAnyLineEndsAreRead) {
  const std::string expected = "1000-2000 one two|3000-4000 three|";
  const std::string plain = "1\n00:00:01,000 --> 00:00:02,000\none\ntwo\n\n2\n00:00:03,000 --> 00:00:04,000\nthree";
  for (const std::string end : {"\n", "\r\n", "\r"}) {
    std::string content;
    for (const char c : plain) content += c == '\n' ? end : std::string(1, c);
    EXPECT_EQ(shown(content), expected);
    EXPECT_EQ(shown("\xEF\xBB\xBF" + content + end + end), expected);
  }
}

TEST(Subtitles, WebVttWithItsHeaderBlocksAndShortTimes) {
  EXPECT_EQ(shown("WEBVTT - a talk\nKind: captions\n\nNOTE no\n--> text\n\nSTYLE\n::cue { color: red }\n\n"
                  "intro\n00:01.5 --> 00:02.25 align:start position:0%\n<v Anna>Hello <00:01.900><c.loud>you</c>\n\n"
                  "1:00:00.000 --> 1:00:01.000\n&lt;no tag&gt; \xE6\x83\x85\n"),
            "1500-2250 Hello you|3600000-3601000 <no tag> \xE6\x83\x85|");
}

TEST(Subtitles, AHeartBeforeAnArrowIsNoTag) {
  EXPECT_EQ(shown("1\n00:00:01,000 --> 00:00:02,000\nI <3 this film -> <00:00:01.500><c>10/10</c>\n"),
            "1000-2000 I <3 this film -> 10/10|");
}

TEST(Subtitles, OnlyTagsAreTags) {
  EXPECT_EQ(shown("1\n00:00:01,000 --> 00:00:02,000\na<b and c>d I </3 him > you\n"
                  "<I>so</I> <font color=\"red\">red</font> <v Anna>hi</v> <c.loud>x</c>\n"),
            "1000-2000 a<b and c>d I </3 him > you so red hi x|");
}

TEST(Subtitles, WhatHasNoTextIsLeftOut) {
  EXPECT_EQ(shown("1\n00:00:01,000 --> 00:00:02,000\n<i></i>\n\n2\n00:00:03,000 --> 00:00:04,000\nyes\n"),
            "3000-4000 yes|");
}

TEST(Subtitles, OverlapsStayAndAreSaid) {
  const CaughtLog log;
  EXPECT_EQ(shown("1\n00:00:01,000 --> 00:00:05,000\none\n\n2\n00:00:03,000 --> 00:00:04,000\ntwo\n"),
            "1000-5000 one|3000-4000 two|");
  EXPECT_THAT(log.text(), HasSubstr("a.srt: 1 subtitles begin before the one above them ends, the first at line 6"));
}

TEST(Subtitles, WrongTimesAreNamedWithTheirLine) {
  const std::pair<const char*, const char*> cases[] = {
      {"1\n00:00:01,000 -> 00:00:02,000\none\n",
       "a.srt: line 2: expected times as 00:01:02,500 --> 00:01:04,000, found '00:00:01,000 -> "},
      {"hello\nyou\n", "a.srt: line 2: expected times"},
      {"hello\n", "a.srt: line 1: expected times as 00:01:02,500 --> 00:01:04,000, found the end"},
      {"1\n00:00:61,000 --> 00:02:02,000\none\n", "a.srt: line 2: expected times"},
      {"1\n00:60:01,000 --> 00:02:02,000\none\n", "a.srt: line 2: expected times"},
      {"00:01,000 --> 00:02,000x\none\n", "a.srt: line 1: expected times"},
      {"1\n00:00:03,000 --> 00:00:02,000\none\n",
       "a.srt: line 2: expected an end after the begin, found 3.000 s to 2.000 s"},
      {"1\n00:00:03,000 --> 00:00:04,000\none\n\n2\n00:00:01,000 --> 00:00:02,000\ntwo\n",
       "a.srt: line 6: expected a begin after that of the subtitle above (3.000 s), found 1.000 s"},
      {"", "a.srt: expected subtitles, found none"},
      {"WEBVTT\n", "a.srt: expected subtitles, found none"},
      {"1\n00:00:03,000 --> 00:00:04,000\ncaf\xE9\n", "a.srt: expected text in UTF-8"}};
  for (const auto& [content, message] : cases)
    EXPECT_THAT(error_of<DataError>([&] { (void)parse_subtitles(content, "a.srt"); }), StartsWith(message)) << content;
}

TEST(Subtitles, AFileIsNamedByItsPath) {
  const auto path = test::scratch("talk.vtt");
  write_file(path, "WEBVTT\n\n00:01.000 --> 00:02.000\nyes\n");
  EXPECT_EQ(read_subtitles(path).front().text, "yes");
  write_file(path, "WEBVTT\n\n00:01.000\nyes\n");
  EXPECT_THAT(error_of<FormatError>([&] { (void)read_subtitles(path); }), StartsWith(path.string() + ": line 4"));
}

TEST(Subtitles, AnyBytesGiveSubtitlesInOrderOrAnError) {
  constexpr std::string_view kFragments[] = {"\n",    "\n\n",   "\r\n",         "00:00:01,000", " --> ", "00:02.5",
                                             "1",     "WEBVTT", "NOTE",         "<i>",          "<",     "{\\an8}",
                                             "&amp;", "text",   "\xEF\xBB\xBF", "\xE6\x83",     "59:",   ","};
  const CaughtLog log;
  Random random(20261130);
  int read = 0;
  for (int run = 0; run < 20000; ++run) {
    std::string content = "00:00:00,000 --> 00:00:01,000\nfirst\n\n";
    if (random.below(4) == 0) content.clear();
    for (auto parts = random.below(12); parts > 0; --parts) content += kFragments[random.below(std::size(kFragments))];
    try {
      double before = 0;
      for (const auto& subtitle : parse_subtitles(content, "a.srt")) {
        ASSERT_GE(subtitle.begin, before);
        ASSERT_GE(subtitle.end, subtitle.begin);
        ASSERT_TRUE(!subtitle.text.empty() && is_utf8(subtitle.text));
        before = subtitle.begin;
      }
      ++read;
    } catch (const DataError&) {
    }
  }
  EXPECT_GT(read, 1000);
}

}  // namespace
}  // namespace kuda
