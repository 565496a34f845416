#include "kuda/extract/face/speaker.h"

#include <gmock/gmock.h>

#include <cmath>

namespace kuda {
namespace {

using testing::ElementsAre;
using testing::FloatNear;
using testing::IsEmpty;

/// Pictures `first` to `last`, the mouth a wave of this many pictures.
FaceTrack face(std::int64_t first, std::int64_t last, double period, double area = 1) {
  FaceTrack track;
  for (auto i = first; i < last; ++i) {
    track.pictures.push_back(i);
    track.mouth.push_back(float(0.1 + 0.05 * std::sin(double(i) / period)));
    track.area += area;
  }
  return track;
}

std::vector<float> voice_with(double period, int count = 60) {
  std::vector<float> voice;
  for (int i = 0; i < count; ++i) voice.push_back(float(3 + std::sin(i / period)));
  return voice;
}

TEST(Speaker, IsTheFaceWhoseMouthGoesWithTheVoice) {
  const std::vector<FaceTrack> tracks{face(0, 60, 3, 9), face(0, 60, 2)};
  const auto choice = choose_speaker(tracks, voice_with(2));
  EXPECT_THAT(choice.order, ElementsAre(1, 0));
  EXPECT_NEAR(choice.correlation, 1, 1e-5);
  EXPECT_GT(choice.margin, 0.5);
}

TEST(Speaker, IsTheLargestWhereTheVoiceSaysNothing) {
  const std::vector<FaceTrack> tracks{face(0, 60, 3), face(0, 60, 2, 9)};
  for (const auto& voice : {std::vector<float>{}, std::vector<float>(60, 1.F)}) {
    const auto choice = choose_speaker(tracks, voice);
    EXPECT_THAT(choice.order, ElementsAre(1, 0));
    EXPECT_EQ(choice.margin, 0);
    EXPECT_EQ(choice.correlation, 0);
  }
}

TEST(Speaker, AFewPicturesProveNothing) {
  const std::vector<FaceTrack> tracks{face(10, 17, 2, 100), face(0, 60, 3)};
  EXPECT_THAT(choose_speaker(tracks, voice_with(2)).order, ElementsAre(1, 0));
}

TEST(Speaker, AFaceOfAnotherShotIsNoRival) {
  const std::vector<FaceTrack> tracks{face(0, 30, 2), face(30, 60, 3)};
  const auto choice = choose_speaker(tracks, voice_with(2));
  EXPECT_THAT(choice.order, ElementsAre(0, 1));
  EXPECT_EQ(choice.margin, 0);
}

TEST(Speaker, NobodyIsNoError) { EXPECT_THAT(choose_speaker({}, voice_with(2)).order, IsEmpty()); }

TEST(VoiceOfPictures, IsTheMeanOverTheTimeOfEach) {
  const std::vector<float> energy{0, 1, 2, 3, 4, 5, 6, 7, 8, 9};  // at 0, 0.1, ...
  const std::vector<double> times{0, 0.4, 0.8, 1.2};
  EXPECT_THAT(voice_of_pictures(energy, 10, times),
              ElementsAre(FloatNear(0.5F, 1e-6F), FloatNear(3.5F, 1e-6F), FloatNear(7.5F, 1e-6F), 0.F));
  EXPECT_THAT(voice_of_pictures({}, 10, times), IsEmpty());
}

}  // namespace
}  // namespace kuda
