#include "kuda/extract/clip_part.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kuda {
namespace {

using testing::ElementsAre;

/// Two seconds: row i of vision holds i, of audio 100 + i; a face from 0.5 to 1 second.
ExtractedClip clip() {
  ExtractedClip made;
  std::vector<float> vision, audio;
  for (int i = 0; i < 20; ++i) vision.push_back(float(i));
  for (int i = 0; i < 200; ++i) audio.push_back(float(100 + i));
  made.vision = io::make_array({20, 1}, vision);
  made.audio = io::make_array({200, 1}, audio);
  made.language = "en";
  made.transcript = "A fine film. Was it?";
  made.words = {{"A", 0.1, 0.2, 0.9},
                {"fine", 0.2, 0.5, 0.9},
                {"film.", 0.5, 0.9, 0.9},
                {"Was", 1.1, 1.3, 0.9},
                {"it?", 1.3, 1.5, 0.9}};
  for (int i = 5; i <= 10; ++i) made.face_boxes.push_back({i / 10.0, 0.1F, 0.2F, 0.3F, 0.4F});
  made.facts.seconds = 2;
  return made;
}

TEST(ClipPart, HasTheRowsTheWordsAndTheBoxesOfItsTime) {
  const auto part = part_of(clip(), 0.4, 1.2);
  EXPECT_EQ(part.vision->to_doubles(), (std::vector<double>{4, 5, 6, 7, 8, 9, 10, 11}));
  EXPECT_EQ(part.audio->shape[0], 80);
  EXPECT_EQ(part.audio->to_doubles().front(), 140);
  EXPECT_EQ(part.transcript, "film.") << "the middles of the others lie outside";
  ASSERT_EQ(part.words.size(), 1U);
  EXPECT_NEAR(part.words[0].begin, 0.1, 1e-12) << "its time begins at 0";
  ASSERT_EQ(part.face_boxes.size(), 6U);
  EXPECT_NEAR(part.face_boxes[0].time, 0.1, 1e-12);
  EXPECT_NEAR(part.facts.seconds, 0.8, 1e-12);
  EXPECT_EQ(part_of(clip(), 0, 2).transcript, clip().transcript) << "as it was heard, where all words are in it";
}

TEST(ClipPart, SaysWhatIsMissing) {
  auto whole = clip();
  const auto part = part_of(whole, 1.5, 2);
  EXPECT_EQ(part.facts.missing.text, "no word lies in this part");
  EXPECT_EQ(part.facts.missing.vision, "no face was found in 5 pictures");
  EXPECT_FALSE(part.vision.has_value());
  EXPECT_EQ(part.facts.missing.audio, "");
  whole.audio.reset();
  whole.facts.missing.audio = "the sound is silent";
  EXPECT_EQ(part_of(whole, 0, 1).facts.missing.audio, "the sound is silent");
  EXPECT_EQ(part_of(whole, 3, 4).facts.missing.vision, "there is no picture");
}

TEST(ClipPart, LanguagesWithoutSpacesGetNone) {
  auto chinese = clip();
  chinese.language = "zh";
  chinese.words = {{"\u5f88", 0, 0.2, 1}, {"\u597d", 0.2, 0.4, 1}, {"\u3002", 1.9, 2, 1}};
  EXPECT_EQ(part_of(chinese, 0, 1).transcript, "\u5f88\u597d");
}

TEST(ClipPart, UtterancesEndWithASentenceAndBeforeAPause) {
  auto words = clip().words;
  words.push_back({"Well", 1.6, 1.8, 0.9});
  words.push_back({"yes", 2.6, 2.8, 0.9});
  std::vector<double> ends;
  for (const auto& utterance : utterances_of(words)) ends.push_back(utterance.end);
  EXPECT_THAT(ends, ElementsAre(0.9, 1.5, 1.8, 2.8));
  EXPECT_TRUE(utterances_of({}).empty());
}

}  // namespace
}  // namespace kuda
