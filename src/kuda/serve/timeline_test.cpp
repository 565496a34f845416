#include "kuda/serve/timeline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <utility>

#include "kuda/base/test_support.h"

namespace kuda {
namespace {

using test::error_of;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

/// A video of silence and one word at each of some seconds, which ends with a sentence each.
struct Video {
  double seconds = 0;
  std::vector<double> words{};
  bool says_length = true;
  std::vector<std::pair<double, double>> pieces{};

  std::shared_ptr<const ExtractedClip> extract(double begin, double end) {
    if (begin >= seconds) return nullptr;
    pieces.emplace_back(begin, std::min(end, seconds));
    ExtractedClip clip;
    clip.language = "en";
    clip.facts.seconds = std::min(end, seconds) - begin;
    if (says_length) clip.facts.declared_seconds = seconds;
    for (const double at : words)
      if (at >= begin && at + 0.4 <= std::min(end, seconds))
        clip.words.push_back({"Yes.", at - begin, at + 0.4 - begin, 1});
    return std::make_shared<ExtractedClip>(clip);
  }
};

std::vector<std::pair<double, double>> parts_of(Video& video, const TimelineOptions& options, double piece = 60) {
  std::vector<std::pair<double, double>> parts;
  for_each_part(
      options, piece, [&](double begin, double end) { return video.extract(begin, end); },
      [&](const TimelinePart& part) { parts.emplace_back(part.begin, part.end); });
  return parts;
}

TEST(Timeline, WindowsSlideToTheEndOfTheVideo) {
  Video video{.seconds = 9};
  EXPECT_THAT(parts_of(video, {.window = 4, .step = 2}), ElementsAre(Pair(0, 4), Pair(2, 6), Pair(4, 8), Pair(6, 9)));
  EXPECT_THAT(parts_of(video, {.window = 3, .step = 3}), ElementsAre(Pair(0, 3), Pair(3, 6), Pair(6, 9)));
  EXPECT_THAT(parts_of(video, {.window = 30, .step = 2}), ElementsAre(Pair(0, 9))) << "shorter than a window";
  Video empty{.seconds = 0};
  EXPECT_TRUE(parts_of(empty, {}).empty());
}

/// Of 32.5 seconds the last window but one already reaches the end.
TEST(Timeline, PiecesMakeNoDifferenceToTheWindows) {
  for (const bool says_length : {true, false})
    for (const double seconds : {30.0, 31.0, 32.5, 38.5}) {
      Video whole{.seconds = seconds}, cut{.seconds = seconds, .says_length = says_length};
      const auto expected = parts_of(whole, {.window = 4, .step = 1.5}, std::numeric_limits<double>::infinity());
      EXPECT_EQ(whole.pieces.size(), 1U);
      EXPECT_EQ(parts_of(cut, {.window = 4, .step = 1.5}, 10), expected) << seconds;
      for (const auto& [begin, end] : cut.pieces) EXPECT_LE(end - begin, 10);
      EXPECT_GT(cut.pieces.size(), 3U);
    }
}

TEST(Timeline, AnUtteranceAtTheEndOfAPieceIsHeardWholeInTheNext) {
  Video video{.seconds = 25, .words = {1, 4, 9.5, 12, 19, 24}};
  const auto parts = parts_of(video, {.by = TimelineBy::utterances}, 10);
  std::vector<double> begins;
  for (const auto& part : parts) begins.push_back(part.first);
  ASSERT_EQ(begins.size(), video.words.size()) << "each once";
  for (std::size_t i = 0; i < begins.size(); ++i) EXPECT_NEAR(begins[i], video.words[i], 1e-9);
  EXPECT_NEAR(video.pieces.at(1).first, 9.3, 1e-9) << "it begins a moment before the word that was cut";
}

TEST(Timeline, SubtitlesKeepTheirTextAlsoBeyondTheEnd) {
  Video video{.seconds = 70, .words = {2}};
  std::vector<std::string> texts;
  std::vector<double> ends;
  const TimelineOptions options{.by = TimelineBy::subtitles,
                                .subtitles = {{1, 3, "one"}, {58, 62, "two"}, {58, 61, "three"}, {80, 82, "four"}}};
  for_each_part(
      options, 60, [&](double begin, double end) { return video.extract(begin, end); },
      [&](const TimelinePart& part) {
        texts.push_back(part.clip.transcript);
        ends.push_back(part.clip.facts.seconds);
        EXPECT_EQ(part.clip.facts.missing.text, "");
        EXPECT_NE(part.clip.facts.missing.vision, "");
      });
  EXPECT_THAT(texts, ElementsAre("one", "two", "three", "four"));
  EXPECT_THAT(ends, ElementsAre(2, 4, 3, 0));
}

TimelineRequest parsed(std::vector<FormPart> more, const std::multimap<std::string, std::string>& query = {}) {
  more.push_back({"video", "bytes"});
  return parse_timeline(std::move(more), query, {});
}

TEST(Timeline, IsAskedForWithFieldsOrAQuery) {
  EXPECT_EQ(parsed({}).video, "bytes");
  EXPECT_EQ(parsed({}).options.window, 4);
  EXPECT_EQ(parsed({}, {{"window", "2.5"}, {"step", "1"}}).options.window, 2.5);
  const auto request = parsed({{"by", "utterances"}, {"step", ""}, {"id", "a"}, {"without", "vision"}});
  EXPECT_EQ(request.options.by, TimelineBy::utterances);
  EXPECT_EQ(request.clip.id, "a");
  EXPECT_TRUE(request.clip.without.vision);
  const auto subtitled = parsed({{"subtitles", "1\n00:00:01,000 --> 00:00:02,500\nHello\n"}});
  EXPECT_EQ(subtitled.options.by, TimelineBy::subtitles);
  EXPECT_EQ(subtitled.options.subtitles.front().text, "Hello");
}

TEST(Timeline, SaysWhatIsWrongWithARequest) {
  const auto message = [](std::vector<FormPart> more, const std::multimap<std::string, std::string>& query = {}) {
    return error_of<Error>([&] { (void)parsed(std::move(more), query); });
  };
  EXPECT_THAT(message({{"window", "0.1"}}), HasSubstr("window: expected seconds from 0.5 to 30, found '0.1'"));
  EXPECT_THAT(message({}, {{"step", "fast"}}), HasSubstr("step: expected seconds from 0.1 to 30, found 'fast'"));
  EXPECT_THAT(message({}, {{"steps", "1"}}), HasSubstr("query: unknown parameter 'steps'"));
  EXPECT_THAT(message({{"by", "words"}}), HasSubstr("by: expected windows or utterances, found 'words'"));
  EXPECT_THAT(message({{"subtitles", "no times"}}), HasSubstr("subtitles"));
  EXPECT_THAT(message({{"text", "a"}}), HasSubstr("a text has no times"));
  EXPECT_THAT(message({{"nothing", "a"}}), HasSubstr("form: unknown field 'nothing'"));
  EXPECT_THAT(error_of<DataError>([] { (void)parse_timeline({}, {}, {}); }), HasSubstr("video: expected a video"));
}

}  // namespace
}  // namespace kuda
