// Texts and frames of synthetic clips: what is written can be read back.

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <utility>

#include "kuda/base/test_support.h"
#include "kuda/data/synth/synth_frames.h"
#include "kuda/data/synth/synth_text.h"

namespace kuda {
namespace {

constexpr std::array<SynthRole, 3> kRoles{SynthRole::dominant, SynthRole::support, SynthRole::noise};

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  for (const char c : text) {
    if (std::isalpha(static_cast<unsigned char>(c)) != 0)
      word += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    else if (!word.empty())
      words.push_back(std::exchange(word, ""));
  }
  if (!word.empty()) words.push_back(word);
  return words;
}

std::int64_t pieces_of(std::string_view text) {
  return std::int64_t(words_of(text).size()) +
         std::count_if(text.begin(), text.end(), [](char c) { return c == ',' || c == '.'; });
}

TEST(SynthText, HasExactlyThePiecesAskedFor) {
  Random random(1);
  for (std::int64_t pieces = kShortestText; pieces <= 80; ++pieces)
    for (const SynthRole role : kRoles)
      for (int i = 0; i < 20; ++i) {
        const auto text = draw_text(random, int(random.below(11)) - 5, 5, role, pieces);
        EXPECT_EQ(pieces_of(text), pieces) << text;
      }
}

TEST(SynthText, SentimentAndRoleCanBeReadBack) {
  Random random(2);
  for (int level = -5; level <= 5; ++level)
    for (const SynthRole role : kRoles)
      for (int i = 0; i < 100; ++i) {
        const auto text = draw_text(random, level, 5, role, 7 + std::int64_t(random.below(40)));
        const TextEvidence seen = read_text(text);
        EXPECT_NEAR(seen.sentiment, level / 5.0, 1e-12) << text;
        EXPECT_EQ(seen.role, role) << text;
        EXPECT_GE(seen.opinions, 1) << text;
      }
}

TEST(SynthText, FineGridIsMetInTheMean) {
  Random random(3);
  for (const int level : {-14, -7, 1, 8, 15}) {
    double sum = 0;
    const int n = 4000;
    for (int i = 0; i < n; ++i) {
      const TextEvidence seen = read_text(draw_text(random, level, 15, SynthRole::support, 15));
      EXPECT_LT(std::abs(seen.sentiment - level / 15.0), 0.2);  // one step of one word
      sum += seen.sentiment;
    }
    EXPECT_NEAR(sum / n, level / 15.0, 4 * 0.1 / std::sqrt(n));  // rounding deviates by at most 0.1
  }
}

TEST(SynthText, WordListsDoNotOverlap) {
  std::set<std::string_view> opinions;
  std::size_t count = 0;
  for (int intensity = -5; intensity <= 5; ++intensity)
    for (const auto word : opinion_words(intensity)) opinions.insert(word), ++count;
  EXPECT_EQ(opinions.size(), count) << "a word stands in two intensities";

  std::vector<std::string_view> others(filler_clauses());
  others.insert(others.end(), filler_words().begin(), filler_words().end());
  for (const auto& topic : topics()) others.insert(others.end(), topic.begin(), topic.end());
  for (const SynthRole role : kRoles)
    for (int words = 1; words <= 4; ++words)
      for (const auto phrase : frame_phrases(role, words)) {
        EXPECT_EQ(std::count(phrase.begin(), phrase.end(), ' ') + 1, words) << phrase;
        others.push_back(phrase);
      }
  for (const auto other : others)
    for (const auto& word : words_of(other)) EXPECT_FALSE(opinions.contains(word)) << word;
}

TEST(SynthText, FramesOfEveryRoleAreEquallyManyPerLength) {
  for (int words = 1; words <= 4; ++words)
    for (const SynthRole role : kRoles)
      EXPECT_EQ(frame_phrases(role, words).size(), frame_phrases(SynthRole::dominant, words).size());
}

TEST(SynthText, EveryWordIsOnePieceOfTheUncasedVocabulary) {
  std::ifstream file(test::shared_file("data/vocab/bert-base-uncased/vocab.txt"));
  if (!file) GTEST_SKIP() << "no vocabulary of bert-base-uncased";
  std::set<std::string> vocabulary;
  for (std::string line; std::getline(file, line);) vocabulary.insert(line);
  Random random(4);
  for (int i = 0; i < 20000; ++i) {
    const auto text =
        draw_text(random, int(random.below(11)) - 5, 5, kRoles[random.below(3)], 7 + std::int64_t(random.below(40)));
    for (const auto& word : words_of(text)) EXPECT_TRUE(vocabulary.contains(word)) << word;
  }
}

TEST(SynthFrames, SentimentAndClarityCanBeReadBack) {
  for (const std::int64_t width : {5, 16, 64}) {
    const FrameRule rule("audio", width);
    Random random(5);
    const std::int64_t length = 60;
    std::vector<float> frames(std::size_t(length * width));
    double sentiment = 0, clarity = 0, squares = 0, variance = 0;
    const int n = 400;
    for (int i = 0; i < n; ++i) {
      rule.draw(random, rule.draw_speaker(random), -0.6, SynthRole::noise, length, frames.data());
      const FrameEvidence seen = rule.read(frames.data(), length);
      sentiment += seen.sentiment;
      clarity += seen.clarity;
      squares += (seen.sentiment + 0.6) * (seen.sentiment + 0.6);
      variance += FrameRule::sentiment_variance(seen.active);
    }
    // One idle frame in 44 is taken as active, which pulls the estimates towards 0 by about 2 %.
    EXPECT_NEAR(sentiment / n, -0.6, 0.6 * 0.03 + 4 * std::sqrt(variance / n / n));
    EXPECT_NEAR(clarity / n, -1, 0.03 + 4 * std::sqrt(variance / n / n) * 1.25);
    EXPECT_LT(squares / n, 1.5 * variance / n);
  }
}

TEST(SynthFrames, PatternsBelongToTheRuleAndNotToTheSeed) {
  const FrameRule first("vision", 20), second("vision", 20), other("audio", 20);
  std::vector<float> a(30 * 20), b(30 * 20), c(30 * 20);
  Random ra(6), rb(6), rc(6);
  first.draw(ra, {}, 0.5, SynthRole::dominant, 30, a.data());
  second.draw(rb, {}, 0.5, SynthRole::dominant, 30, b.data());
  other.draw(rc, {}, 0.5, SynthRole::dominant, 30, c.data());
  EXPECT_EQ(a, b);
  EXPECT_NE(a, c);
}

TEST(SynthFrames, SomeFramesAreActiveHoweverShortTheClip) {
  const FrameRule rule("audio", 6);
  Random random(7);
  for (std::int64_t length = 1; length <= 12; ++length)
    for (int i = 0; i < 100; ++i) {
      std::vector<float> frames(std::size_t(length * 6));
      rule.draw(random, {}, 1, SynthRole::dominant, length, frames.data());
      const FrameEvidence seen = rule.read(frames.data(), length);
      EXPECT_GE(seen.active, 1);
      EXPECT_TRUE(std::isfinite(seen.sentiment));
    }
}

}  // namespace
}  // namespace kuda
