#include "kuda/data/word_rows.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kuda {
namespace {

using testing::Each;
using testing::ElementsAre;

const WordPiece& tokenizer() {
  static const auto made = WordPiece::from_pieces({"[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "fine", "film", "play",
                                                   "##ing", ".", "not", "very", "\xE4\xBD\xA0", "\xE5\xA5\xBD"});
  return made;
}

std::string shown(const PieceTimes& pieces) {
  std::string text;
  for (std::size_t i = 0; i < pieces.ids.size(); ++i) {
    text += tokenizer().pieces()[std::size_t(pieces.ids[i])];
    if (const auto& span = pieces.spans[i]) text += fmt::format(" {:.2f}-{:.2f}", span->begin, span->end);
    text += "|";
  }
  return text;
}

std::string times_of(const std::string& text, const std::vector<TimedWord>& heard, std::int64_t most = 512) {
  return shown(times_of_pieces(text, heard, tokenizer(), most));
}

const std::vector<TimedWord> kHeard{{"a", 0.5, 0.7}, {"fine", 0.7, 1}, {"film.", 1.2, 1.6}};

TEST(PieceTimes, PiecesHaveTheTimeOfTheirWord) {
  EXPECT_EQ(times_of("a fine film.", kHeard), "[CLS]|a 0.50-0.70|fine 0.70-1.00|film 1.20-1.60|. 1.20-1.60|[SEP]|");
  EXPECT_EQ(times_of("playing", {{"Playing", 1, 2}}), "[CLS]|play 1.00-2.00|##ing 1.00-2.00|[SEP]|");
  EXPECT_EQ(times_of("\xE4\xBD\xA0\xE5\xA5\xBD", {{"\xE4\xBD\xA0", 1, 2}, {"\xE5\xA5\xBD", 2, 3}}),
            "[CLS]|\xE4\xBD\xA0 1.00-2.00|\xE5\xA5\xBD 2.00-3.00|[SEP]|")
      << "without spaces between them";
}

TEST(PieceTimes, ATextThatIsNotWhatWasHeardIsMatchedWithIt) {
  EXPECT_EQ(times_of("a fine film", kHeard), "[CLS]|a 0.50-0.70|fine 0.70-1.00|film 1.20-1.60|[SEP]|");
  EXPECT_EQ(times_of("a play film.", kHeard), "[CLS]|a 0.50-0.70|play 0.70-1.00|film 1.20-1.60|. 1.20-1.60|[SEP]|")
      << "a word that was heard wrongly";
  EXPECT_EQ(times_of("fine film.", kHeard), "[CLS]|fine 0.70-1.00|film 1.20-1.60|. 1.20-1.60|[SEP]|");
  EXPECT_EQ(times_of("a fine not very film.", kHeard),
            "[CLS]|a 0.50-0.70|fine 0.70-1.00|not 1.00-1.10|very 1.10-1.20|film 1.20-1.60|. 1.20-1.60|[SEP]|")
      << "what was not heard shares the pause";
  EXPECT_EQ(times_of("a not fine film.", kHeard),
            "[CLS]|a 0.50-0.70|not 0.70-0.70|fine 0.70-1.00|film 1.20-1.60|. 1.20-1.60|[SEP]|");
  EXPECT_EQ(times_of("a playing fine film.", {{"a", 0.5, 0.7}, {"fine", 1.7, 2}, {"film.", 2, 3}}),
            "[CLS]|a 0.50-0.70|play 0.70-1.70|##ing 0.70-1.70|fine 1.70-2.00|film 2.00-3.00|. 2.00-3.00|[SEP]|")
      << "the pieces of one word share its time";
}

TEST(PieceTimes, WithoutWordsThereAreNoTimes) {
  EXPECT_EQ(times_of("", kHeard), "[CLS]|[SEP]|");
  EXPECT_EQ(times_of("a fine film", {}), "[CLS]|a|fine|film|[SEP]|");
  EXPECT_FALSE(times_of_pieces("a fine film", {}, tokenizer(), 512).has_times());
  EXPECT_TRUE(times_of_pieces("a", kHeard, tokenizer(), 512).has_times());
}

TEST(PieceTimes, ALongTextIsCutAsItsIdsAre) {
  EXPECT_EQ(times_of("a fine film.", kHeard, 4), "[CLS]|a 0.50-0.70|fine 0.70-1.00|[SEP]|");
  EXPECT_EQ(times_of("fine film.", kHeard, 3), "[CLS]|fine 0.70-1.00|[SEP]|");
  EXPECT_EQ(times_of("a", kHeard, 2), "[CLS]|[SEP]|");
}

/// Frame i is {i, 10 i}.
std::vector<float> rows_at(std::int64_t frames, double rate,
                           const std::vector<std::optional<PieceTimes::Span>>& spans) {
  std::vector<float> values;
  for (std::int64_t i = 0; i < frames; ++i) values.insert(values.end(), {float(i), 10 * float(i)});
  PieceTimes pieces;
  pieces.spans = spans;
  pieces.ids.resize(spans.size());
  return rows_of_pieces(io::make_array({frames, 2}, values), rate, pieces);
}

using Span = PieceTimes::Span;

TEST(RowsOfPieces, AreTheMeanOfTheFramesWhileTheWordWasSaid) {
  EXPECT_THAT(rows_at(20, 10, {std::nullopt, Span{0.5, 0.8}, Span{0.8, 1}, std::nullopt}),
              ElementsAre(0, 0, 6, 60, 8.5F, 85, 0, 0))
      << "frames 5, 6 and 7; 8 and 9: the end is not in it";
  EXPECT_THAT(rows_at(20, 10, {Span{0.55, 0.65}}), ElementsAre(6, 60));
  EXPECT_THAT(rows_at(20, 10, {Span{double(0.3F), double(0.6F)}}), ElementsAre(4, 40)) << "as float32 stores times";
}

TEST(RowsOfPieces, AShortWordGetsTheNearestFrame) {
  EXPECT_THAT(rows_at(20, 10, {Span{0.71, 0.74}}), ElementsAre(7, 70));
  EXPECT_THAT(rows_at(20, 10, {Span{0.7, 0.7}}), ElementsAre(7, 70));
}

TEST(RowsOfPieces, NothingIsMadeUpBehindTheLastFrame) {
  EXPECT_THAT(rows_at(20, 10, {Span{1.9, 2.5}}), ElementsAre(19, 190)) << "what there is of it";
  EXPECT_THAT(rows_at(20, 10, {Span{1.96, 2.04}}), ElementsAre(19, 190)) << "less than a frame away";
  EXPECT_THAT(rows_at(20, 10, {Span{2.2, 2.5}}), Each(0.0F));
  EXPECT_THAT(rows_at(0, 10, {Span{0, 0.04}}), Each(0.0F));
}

}  // namespace
}  // namespace kuda
