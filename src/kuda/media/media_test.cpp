#include "kuda/media/media.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kuda/media/test_media.h"

namespace kuda {
namespace {

using test::Collected;
using test::error_of;
using test::frame_number;
using test::kAac;
using test::kH264;
using test::kSound;
using test::made;
using test::normal_clip;
using testing::HasSubstr;

using Media = test::MadeMedia;

TEST(MediaOptions, WhatMakesNoSenseIsNamed) {
  Collected seen;
  const auto refusal = [&](const MediaOptions& options) {
    return error_of<ConfigError>([&] { read_media("clip.mp4", options, seen); });
  };
  EXPECT_THAT(refusal({.frames_per_second = 0}),
              HasSubstr("frames_per_second: expected more than 0, at most 1000, found 0"));
  EXPECT_THAT(refusal({.frames_per_second = std::nan("")}), HasSubstr("frames_per_second"));
  EXPECT_THAT(refusal({.longest_side = 0}), HasSubstr("longest_side: expected 16 to 8192, found 0"));
  EXPECT_THAT(refusal({.sample_rate = -1}), HasSubstr("sample_rate"));
  EXPECT_THAT(refusal({.begin = -1}), HasSubstr("begin: expected at least 0, found -1"));
  EXPECT_THAT(refusal({.begin = 0, .end = 1e15}),
              HasSubstr("end: expected at most 1e9 seconds, found 1000000000000000"));
  EXPECT_THAT(refusal({.begin = 2, .end = 2}), HasSubstr("end: expected more than begin, found 2"));
}

/// Twelve seconds with few key pictures; frame n of 25 a second has luma 16 + n / 2, the sound rises from 100 Hz.
std::filesystem::path long_clip(const std::string& name, const std::string& codecs) {
  return made(name,
              "-f lavfi -i \"color=black:s=96x64:r=25:d=12,geq=lum='16+N/2':cb=128:cr=128\" -f lavfi -i "
              "\"aevalsrc='0.5*sin(2*PI*(100*t+30*t*t))':s=16000:d=12\" " +
                  codecs);
}

void expect_a_part_to_equal_the_whole(const std::filesystem::path& path) {
  SCOPED_TRACE(path.filename().string());
  Collected whole, part;
  read_media(path, {}, whole);
  const auto report = read_media(path, {.begin = 6.3, .end = 8.8}, part);
  EXPECT_NEAR(report.decoded_seconds, 2.5, 1e-9);
  EXPECT_FALSE(report.cut_short);
  ASSERT_EQ(part.pictures.size(), 25U);
  ASSERT_GE(whole.pictures.size(), 63U + 25U);
  for (std::size_t i = 0; i < 25; ++i) {
    EXPECT_DOUBLE_EQ(part.pictures[i].time, static_cast<double>(i) / 10);
    EXPECT_EQ(part.pictures[i].rgb, whole.pictures[63 + i].rgb) << i;
  }
  ASSERT_EQ(part.samples.size(), 40000U);
  double worst = 0;  // a sample is at most one period of 16 kHz away: at 820 Hz that is 0.32 of the amplitude
  for (std::size_t i = 0; i < 40000; ++i)
    worst = std::max(worst, static_cast<double>(std::abs(part.samples[i] - whole.samples.at(100800 + i))));
  EXPECT_LT(worst, 0.17);
}

TEST_F(Media, APartHoldsThePicturesAndSoundOfTheWholeAtThatTime) {
  expect_a_part_to_equal_the_whole(
      long_clip("a.mp4", "-c:v libx264 -preset ultrafast -g 100 -bf 2 -pix_fmt yuv420p " + kAac));
  expect_a_part_to_equal_the_whole(
      long_clip("a.mkv", "-c:v libx264 -preset ultrafast -g 100 -bf 2 -pix_fmt yuv420p " + kAac));
  expect_a_part_to_equal_the_whole(
      long_clip("a.ts", "-c:v libx264 -preset ultrafast -g 100 -bf 2 -pix_fmt yuv420p " + kAac));
  expect_a_part_to_equal_the_whole(long_clip("a.mpg", "-c:v mpeg1video -q:v 2 -g 50 -bf 2 -ar 44100 -c:a mp2"));
  expect_a_part_to_equal_the_whole(
      long_clip("one_key.mkv", "-c:v libx264 -preset ultrafast -g 1000 -pix_fmt yuv420p -c:a flac"));
}

TEST_F(Media, APartBehindTheEndSaysWhereTheEndIs) {
  const auto path = normal_clip();
  Collected seen;
  EXPECT_THAT(error_of<DataError>([&] { read_media(path, {.begin = 60}, seen); }),
              testing::ContainsRegex("normal.mp4: expected something at 60 s, but it ends at (3|2\\.9)"));
}

TEST_F(Media, APartThatRunsOverTheEndStopsThere) {
  Collected seen;
  const auto report = read_media(normal_clip(), {.begin = 2, .end = 60}, seen);
  EXPECT_EQ(seen.pictures.size(), 10U);
  EXPECT_NEAR(report.decoded_seconds, 1, 0.05);
  EXPECT_FALSE(report.cut_short);
}

TEST_F(Media, WhatIsNotAskedForIsNotDecoded) {
  const auto path = normal_clip();
  Collected pictures, sound, neither;
  const auto first = read_media(path, {.sound = false}, pictures);
  EXPECT_TRUE(first.has_audio);
  EXPECT_EQ(pictures.pictures.size(), 30U);
  EXPECT_TRUE(pictures.samples.empty());
  read_media(path, {.pictures = false}, sound);
  EXPECT_TRUE(sound.pictures.empty());
  EXPECT_NEAR(sound.onset(), 1, 0.03);
  const auto facts = read_media(path, {.pictures = false, .sound = false}, neither);
  EXPECT_NEAR(facts.declared_seconds.value_or(0), 3, 0.05);
  EXPECT_EQ(facts.video_codec, "h264");
}

TEST_F(Media, OtherRatesOfPicturesAndSoundAreGiven) {
  const auto path = normal_clip();
  Collected seen;
  read_media(path, {.frames_per_second = 25, .sample_rate = 44100}, seen);
  ASSERT_EQ(seen.pictures.size(), 75U);
  for (std::size_t i = 0; i < 75; ++i) EXPECT_NEAR(frame_number(seen.pictures[i]), static_cast<double>(i), 0.6);
  EXPECT_NEAR(static_cast<double>(seen.samples.size()), 3 * 44100, 3000);
}

TEST_F(Media, TheSameFileGivesTheSameBytes) {
  const auto path = made("a.mp4", "-f lavfi -i testsrc2=s=160x120:r=25:d=1 " + kSound + kH264 + kAac);
  Collected first, second;
  read_media(path, {}, first);
  read_media(path, {}, second);
  EXPECT_EQ(first.samples, second.samples);
  ASSERT_EQ(first.pictures.size(), second.pictures.size());
  for (std::size_t i = 0; i < first.pictures.size(); ++i) EXPECT_EQ(first.pictures[i].rgb, second.pictures[i].rgb);
}

TEST_F(Media, ColoursAreThoseOfTheVideosOwnMatrix) {
  // The same red, once stored by BT.601 and once by BT.709.
  for (const std::string matrix : {"bt601", "bt709"}) {
    const auto path =
        made(matrix + ".mp4", "-f lavfi -i color=0xC03020:s=64x64:r=10:d=0.3 -vf scale=out_color_matrix=" + matrix +
                                  ":out_range=tv -c:v libx264 -qp 1 -pix_fmt yuv420p -colorspace " +
                                  (matrix == "bt601" ? "smpte170m" : "bt709"));
    Collected seen;
    read_media(path, {}, seen);
    const auto& picture = seen.pictures.at(0);
    const auto* pixel = &picture.rgb.at(32 * picture.stride + 3 * 32);
    EXPECT_NEAR(pixel[0], 0xC0, 3) << matrix;
    EXPECT_NEAR(pixel[1], 0x30, 3) << matrix;
    EXPECT_NEAR(pixel[2], 0x20, 3) << matrix;
  }
}

TEST_F(Media, AFailureOfTheSinkComesThrough) {
  class Full : public MediaSink {
    void picture(const Picture&) override { throw Error("the disk is full"); }
    void sound(std::span<const float>) override {}
  } sink;
  const auto path = normal_clip();
  EXPECT_THAT(error_of<Error>([&] { read_media(path, {}, sink); }), HasSubstr("the disk is full"));
}

TEST(MediaLibraries, AreNamedWithTheirLicence) {
  EXPECT_THAT(media_libraries(), testing::ContainsRegex("libavcodec [0-9]+\\.[0-9]+\\.[0-9]+, libavformat "));
  EXPECT_THAT(media_licence(), HasSubstr("GPL"));
}

// Real recordings: 75 frames of 25 a second, speech from 0.5 to 2.2 s (GRID, mpeg1 with mp2).
TEST(GridClips, AreThreeSecondsOfPicturesAndSpeech) {
  for (const std::string name : {"bbaf2n.mpg", "brbk7n.mpg", "id2_vcd_swwp2s.mpg"}) {
    const auto path = test::shared_file("data/grid/" + name);
    if (!std::filesystem::exists(path)) GTEST_SKIP() << path << " is not there";
    Collected seen;
    const auto report = read_media(path, {}, seen);
    EXPECT_EQ(report.decoded_pictures, 75) << name;
    EXPECT_EQ(report.corrupt_pictures + report.decode_errors + report.time_jumps, 0) << name;
    EXPECT_EQ(seen.pictures.size(), 30U) << name;
    EXPECT_NEAR(static_cast<double>(seen.samples.size()) / 16000, 3, 0.1) << name;
    EXPECT_LE(seen.peak(), 1) << name;
    EXPECT_GT(seen.peak(), 0.05) << name;
  }
}

}  // namespace
}  // namespace kuda
