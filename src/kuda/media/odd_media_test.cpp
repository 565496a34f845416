// Files as people have them: each kind is made with the ffmpeg program and held to what must come of it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numbers>
#include <random>

#include "kuda/media/test_media.h"

namespace kuda {
namespace {

using test::Collected;
using test::cut;
using test::error_of;
using test::frame_number;
using test::kAac;
using test::kH264;
using test::kSound;
using test::kVideo;
using test::made;
using test::normal_clip;
using test::red;
using test::written;
using testing::AllOf;
using testing::HasSubstr;

using OddMedia = test::MadeMedia;

/// What holds for every form of the three grey seconds with a tone from 1 s on.
void expect_three_seconds(const std::filesystem::path& path, double frames_per_second = 25) {
  Collected seen;
  const auto report = read_media(path, {}, seen);
  SCOPED_TRACE(path.filename().string());
  // One more where sound begins first: the clock then begins with it, and the pictures end behind 3.0 s.
  ASSERT_THAT(seen.pictures.size(), testing::AnyOf(30U, 31U));
  for (std::size_t i = 0; i < 30; ++i) {
    const double time = static_cast<double>(i) / 10;
    EXPECT_DOUBLE_EQ(seen.pictures[i].time, time);
    // The frame that is shown then, or its neighbour where sound begins up to a frame before the pictures do.
    EXPECT_NEAR(frame_number(seen.pictures[i]), std::floor(time * frames_per_second + 1e-6), 1.6) << "at " << time;
  }
  EXPECT_NEAR(static_cast<double>(seen.samples.size()) / 16000, 3, 0.08);
  EXPECT_NEAR(seen.onset(), 1, 0.03);  // lossy sound is heard a little before it begins
  EXPECT_NEAR(report.decoded_seconds, 3, 0.08);
  EXPECT_FALSE(report.cut_short);
  EXPECT_EQ(report.decode_errors, 0);
  EXPECT_EQ(report.corrupt_pictures, 0);
  EXPECT_EQ(report.time_jumps, 0);
  EXPECT_EQ(report.pictures, std::ssize(seen.pictures));
}

TEST_F(OddMedia, AnOrdinaryClipGivesItsPicturesAndItsSoundOnOneClock) {
  const auto path = normal_clip();
  expect_three_seconds(path);
  Collected seen;
  const auto report = read_media(path, {}, seen);
  EXPECT_EQ(report.container, "mov,mp4,m4a,3gp,3g2,mj2");
  EXPECT_EQ(report.video_codec, "h264");
  EXPECT_EQ(report.audio_codec, "aac");
  EXPECT_NEAR(report.declared_seconds.value_or(0), 3, 0.05);
  EXPECT_EQ(report.decoded_pictures, 75);
  EXPECT_EQ(report.width, 96);
  EXPECT_EQ(report.height, 64);
  EXPECT_EQ(report.rotation, 0);
  EXPECT_LT(report.padded_sound_seconds, 0.03);
}

TEST_F(OddMedia, ContainersAndCodecsGiveTheSame) {
  expect_three_seconds(normal_clip("a.mkv"));
  expect_three_seconds(normal_clip("a.ts"));  // starts at 1.4 s
  expect_three_seconds(normal_clip("a.flv"));
  expect_three_seconds(made("a.avi", kVideo + kSound + "-c:v mpeg4 -q:v 1 -c:a pcm_s16le"));
  expect_three_seconds(made("a.mpg", kVideo + kSound + "-c:v mpeg1video -q:v 1 -c:a mp2"));
  expect_three_seconds(
      made("a.webm", kVideo + kSound + "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -crf 5 -b:v 0 -c:a libopus"));
  expect_three_seconds(made("hevc10.mp4", kVideo + kSound +
                                              "-c:v libx265 -preset ultrafast -x265-params "
                                              "log-level=none:qp=4 -pix_fmt yuv420p10le " +
                                              kAac));
}

TEST_F(OddMedia, OtherFrameRatesAreResampledByTime) {
  for (const std::string rate : {"10", "30000/1001", "60"}) {
    const auto path = made("rate.mp4", kVideo + kSound + kH264 + kAac + "-vf fps=" + rate);
    expect_three_seconds(path);  // the grey still tells the time
  }
}

// 33.3 ms are 33, 67, 100 there: a picture would come twice and the next not at all.
TEST_F(OddMedia, AContainerThatCountsMillisecondsLosesNoFrame) {
  const auto path =
      made("ms.mkv", "-f lavfi -i \"color=black:s=96x64:r=30:d=2,geq=lum='16+2*N':cb=128:cr=128\" " + kH264);
  Collected seen;
  read_media(path, {.frames_per_second = 30}, seen);
  ASSERT_EQ(seen.pictures.size(), 60U);
  for (std::size_t i = 0; i < 60; ++i) EXPECT_NEAR(frame_number(seen.pictures[i]), static_cast<double>(i), 0.6);
}

TEST_F(OddMedia, AVariableFrameRateHoldsEachFrameUntilTheNext) {
  const auto path =
      made("vfr.mp4", kVideo + kSound + kH264 + kAac + "-vf \"select='lt(n,25)+not(mod(n,10))'\" -vsync vfr");
  Collected seen;
  const auto report = read_media(path, {}, seen);
  EXPECT_EQ(report.decoded_pictures, 30);  // 0 ... 24, and 30, 40, 50, 60, 70
  ASSERT_GE(seen.pictures.size(), 29U);
  EXPECT_NEAR(frame_number(seen.pictures[8]), 20, 0.6);
  EXPECT_NEAR(frame_number(seen.pictures[11]), 24, 0.6);  // 1.1 s: the last before 1.2 s
  EXPECT_NEAR(frame_number(seen.pictures[12]), 30, 0.6);
  EXPECT_NEAR(frame_number(seen.pictures[21]), 50, 0.6);
  EXPECT_NEAR(frame_number(seen.pictures[28]), 70, 0.6);
}

TEST_F(OddMedia, AClipWithoutSoundAndOneWithoutPicturesKeepWhatTheyHave) {
  Collected silent;
  const auto mute = read_media(made("mute.mp4", kVideo + kH264), {}, silent);
  EXPECT_TRUE(mute.has_video);
  EXPECT_FALSE(mute.has_audio);
  EXPECT_EQ(silent.pictures.size(), 30U);
  EXPECT_TRUE(silent.samples.empty());
  Collected dark;
  const auto sound = read_media(made("sound.wav", kSound), {}, dark);
  EXPECT_FALSE(sound.has_video);
  EXPECT_TRUE(sound.has_audio);
  EXPECT_TRUE(dark.pictures.empty());
  EXPECT_NEAR(static_cast<double>(dark.samples.size()), 48000, 2);
  EXPECT_NEAR(dark.onset(), 1, 0.001);
}

TEST_F(OddMedia, ACoverPictureIsNoVideo) {
  const auto cover = made("cover.jpg", "-f lavfi -i color=red:s=64x64 -frames:v 1");
  const auto path = made("song.m4a", fmt::format("{}-i '{}' -map 0 -map 1 -c:v copy -disposition:v:0 attached_pic {}",
                                                 kSound, cover.string(), kAac));
  Collected seen;
  const auto report = read_media(path, {}, seen);
  EXPECT_FALSE(report.has_video);
  EXPECT_TRUE(seen.pictures.empty());
  EXPECT_NEAR(seen.onset(), 1, 0.03);
}

/// Four greys: 200 100 above 150 50, as stored.
const std::string kQuarters =
    "-f lavfi -i \"color=black:s=96x64:r=25:d=0.4,geq=lum='if(lt(X,W/2),if(lt(Y,H/2),200,150),if(lt(Y,H/2),100,50))'"
    ":cb=128:cr=128\" ";

/// The nearest of the greys of kQuarters in the corners, by rows.
std::vector<int> corners(const Picture& picture) {
  std::vector<int> found;
  for (const double down : {0.2, 0.8})
    for (const double across : {0.2, 0.8}) {
      const double luma = 16 + red(picture, across, down) * 219.0 / 255;
      found.push_back(static_cast<int>(std::lround(luma / 50)) * 50);
    }
  return found;
}

/// Arguments that turn a file: since FFmpeg 6 an option of the input says it, before it was a tag of the output.
std::string turned(const std::filesystem::path& stored, int degrees) {
  static const bool has_option = std::system("ffmpeg -hide_banner -h full 2>&1 | grep -q display_rotation") == 0;
  return has_option ? fmt::format("-display_rotation {} -i '{}' -c copy", degrees, stored.string())
                    : fmt::format("-i '{}' -c copy -metadata:s:v rotate={}", stored.string(), degrees);
}

TEST_F(OddMedia, APhoneVideoIsTurnedUpright) {
  const auto stored = made("stored.mp4", kQuarters + kH264);
  struct Case {
    int degrees, width, height;  // as ffmpeg's option counts: against the clock
    std::vector<int> corners;
  };
  for (const auto& [degrees, width, height, expected] :
       {Case{0, 96, 64, {200, 100, 150, 50}}, Case{270, 64, 96, {150, 200, 50, 100}},
        Case{180, 96, 64, {50, 150, 100, 200}}, Case{90, 64, 96, {100, 50, 200, 150}}}) {
    const auto path = made(fmt::format("turned{}.mp4", degrees), turned(stored, degrees));
    Collected seen, by_ffmpeg;
    const auto report = read_media(path, {}, seen);
    read_media(made("upright.mkv", fmt::format("-i '{}' -c:v ffv1", path.string())), {}, by_ffmpeg);
    ASSERT_FALSE(seen.pictures.empty());
    EXPECT_EQ(report.rotation, (360 - degrees) % 360);
    EXPECT_FALSE(report.mirrored);
    EXPECT_EQ(seen.pictures[0].width, width);
    EXPECT_EQ(seen.pictures[0].height, height);
    EXPECT_EQ(corners(seen.pictures[0]), expected) << degrees;
    EXPECT_EQ(corners(by_ffmpeg.pictures.at(0)), expected) << degrees;  // which turned it when it decoded
  }
}

TEST_F(OddMedia, AnOrientationInsideTheStreamCountsToo) {
  const auto stored = made("stored.mp4", kQuarters + kH264);
  const auto path = made(
      "sei.mkv",
      fmt::format("-i '{}' -c copy -bsf:v h264_metadata=display_orientation=insert:flip=horizontal", stored.string()));
  Collected seen;
  const auto report = read_media(path, {}, seen);
  ASSERT_FALSE(seen.pictures.empty());
  EXPECT_TRUE(report.mirrored);
  EXPECT_EQ(report.rotation, 0);
  EXPECT_EQ(corners(seen.pictures[0]), (std::vector<int>{100, 200, 50, 150}));
}

TEST_F(OddMedia, PixelsThatAreNotSquareAreMadeSquare) {
  Collected wide, narrow;
  read_media(made("wide.mp4", kVideo + kH264 + "-vf setsar=16/15"), {}, wide);
  EXPECT_EQ(wide.pictures.at(0).width, 102);  // 96 * 16 / 15 = 102.4
  EXPECT_EQ(wide.pictures.at(0).height, 64);
  read_media(made("narrow.mp4", kVideo + kH264 + "-vf setsar=3/4"), {}, narrow);
  EXPECT_EQ(narrow.pictures.at(0).width, 72);
  EXPECT_EQ(narrow.pictures.at(0).height, 64);
}

TEST_F(OddMedia, LargePicturesAreScaledDownAndSmallOnesLeft) {
  const auto path = made("large.mp4", "-f lavfi -i testsrc=s=1280x720:r=10:d=0.3 " + kH264);
  Collected seen, smaller;
  read_media(path, {}, seen);
  EXPECT_EQ(seen.pictures.at(0).width, 640);
  EXPECT_EQ(seen.pictures.at(0).height, 360);
  EXPECT_GE(seen.pictures.at(0).stride, 3U * 640);
  read_media(path, {.longest_side = 100}, smaller);
  EXPECT_EQ(smaller.pictures.at(0).width, 100);
  EXPECT_EQ(smaller.pictures.at(0).height, 56);
}

TEST_F(OddMedia, AGifIsAVideo) {
  Collected seen;
  const auto report = read_media(
      made("a.gif", kVideo + "-vf \"fps=10,split[a][b];[a]palettegen[p];[b][p]paletteuse=dither=none\""), {}, seen);
  EXPECT_EQ(report.container, "gif");
  EXPECT_NEAR(static_cast<double>(seen.pictures.size()), 30, 1);
  EXPECT_NEAR(frame_number(seen.pictures.at(10)), 25, 1.6);
}

TEST_F(OddMedia, SoundThatStartsLateIsPaddedSoThatItMeetsItsPictures) {
  for (const std::string name : {"late.mp4", "late.mkv", "late.ts"}) {
    Collected seen;
    const auto report = read_media(made(name, kVideo + "-itsoffset 0.5 " + kSound + kH264 + kAac), {}, seen);
    EXPECT_NEAR(seen.onset(), 1.5, 0.03) << name;
    EXPECT_NEAR(report.padded_sound_seconds, 0.5, 0.06) << name;
    EXPECT_NEAR(frame_number(seen.pictures.at(15)), 37, 1.6) << name;
    EXPECT_DOUBLE_EQ(seen.pictures.at(0).time, 0) << name;
  }
}

TEST_F(OddMedia, PicturesThatStartLateLeaveTheirFirstInstantsEmpty) {
  Collected seen;
  read_media(made("late.mkv", "-itsoffset 0.55 " + kVideo + kSound + "-map 0 -map 1 " + kH264 + kAac), {}, seen);
  EXPECT_NEAR(seen.pictures.at(0).time, 0.5, 1e-9);         // the first frame stands for the instant just before it
  EXPECT_NEAR(frame_number(seen.pictures.at(5)), 11, 1.6);  // at 1.0 s, that is 0.45 s after its begin
  EXPECT_NEAR(seen.onset(), 1, 0.03);
}

TEST_F(OddMedia, AHoleInTheSoundIsFilledAndWhatFollowsStaysInPlace) {
  // Sound from 0 to 0.5 s, nothing to 1.5 s, then the rest with its tone.
  const auto path = made("hole.mkv", kVideo + kSound + kH264 + "-c:a pcm_s16le -af \"aselect='lt(t,0.5)+gte(t,1.5)'\"");
  Collected seen;
  const auto report = read_media(path, {}, seen);
  EXPECT_NEAR(seen.onset(), 1.5, 0.03);
  EXPECT_NEAR(report.padded_sound_seconds, 1, 0.06);
  EXPECT_NEAR(static_cast<double>(seen.samples.size()) / 16000, 3, 0.05);
}

TEST_F(OddMedia, ManyChannelsBecomeOneWithoutClipping) {
  const std::string tone = "-f lavfi -i \"aevalsrc='0.9*sin(880*PI*t)|0.9*sin(880*PI*t)':s=16000:d=1\" ";
  for (const std::string format : {"pcm_s16le", "pcm_f32le"}) {
    Collected seen;
    read_media(made("stereo.wav", tone + "-c:a " + format), {}, seen);
    EXPECT_NEAR(seen.peak(), 0.9, 0.01) << format;  // 1.27 with libswresample's own weights for float
  }
  const std::string six =
      "-f lavfi -i \"aevalsrc='0.9*sin(880*PI*t)|0.9*sin(880*PI*t)|0.9*sin(880*PI*t)|0|0.9*sin(880*PI*t)|"
      "0.9*sin(880*PI*t)':c=5.1:s=16000:d=1\" ";
  Collected surround;
  read_media(made("surround.wav", six + "-c:a pcm_f32le"), {}, surround);
  EXPECT_NEAR(surround.peak(), 0.9, 0.01);
}

TEST_F(OddMedia, SamplesThatAreNoNumbersAreSilence) {
  auto content = read_file(made("a.wav", "-f lavfi -i \"aevalsrc='0.5*sin(880*PI*t)':s=16000:d=1\" -c:a pcm_f32le"));
  const float nan = std::nanf("");
  for (std::size_t i = 0; i < 10; ++i)
    content.replace(content.size() - 4000 - 4 * i, 4, reinterpret_cast<const char*>(&nan), 4);
  Collected seen;
  const auto report = read_media(written("nan.wav", content), {}, seen);
  EXPECT_GT(report.bad_samples, 0);
  for (const float sample : seen.samples) ASSERT_TRUE(std::isfinite(sample));
  EXPECT_NEAR(seen.peak(), 0.5, 0.01);
}

TEST_F(OddMedia, AnIndexThatIsMissingIsNamed) {
  const auto path = cut(normal_clip(), 0.6);  // the index of an mp4 stands at its end
  Collected seen;
  EXPECT_THAT(error_of<DataError>([&] { read_media(path, {}, seen); }),
              AllOf(HasSubstr("cut.mp4: expected a video or sound file, found"), HasSubstr("moov atom not found"),
                    HasSubstr("hint: its index stands at the end")));
}

TEST_F(OddMedia, AFileThatWasCutShortSaysSo) {
  for (const std::string name : {"fast.mp4", "fast.mkv"}) {
    const auto whole = normal_clip(name, "-movflags +faststart");
    Collected seen;
    const auto report = read_media(cut(whole, 0.6), {}, seen);
    EXPECT_TRUE(report.cut_short) << name;
    EXPECT_NEAR(report.declared_seconds.value_or(0), 3, 0.1) << name;
    EXPECT_GT(report.decoded_seconds, 0.5) << name;
    EXPECT_LT(report.decoded_seconds, 2.7) << name;
    EXPECT_EQ(seen.pictures.size(), static_cast<std::size_t>(report.pictures));
  }
}

TEST_F(OddMedia, AnMpegStreamThatWasCutShortDeclaresNothing) {
  const auto path = cut(made("a.mpg", kVideo + kSound + "-c:v mpeg1video -q:v 1 -c:a mp2"), 0.4);
  Collected seen;
  const auto report = read_media(path, {}, seen);
  EXPECT_FALSE(report.declared_seconds.has_value());
  EXPECT_LT(report.decoded_seconds, 2.7);
  EXPECT_GT(report.pictures, 5);
}

TEST_F(OddMedia, DamageIsCountedAndNothingIsPrinted) {
  // Noise, so that most bytes are of pictures.
  auto content = read_file(made("noise.mp4", "-f lavfi -i \"testsrc2=s=160x120:r=25:d=3,noise=alls=40:allf=t\" " +
                                                 kSound + "-c:v libx264 -preset ultrafast -crf 23 -pix_fmt yuv420p " +
                                                 kAac + "-movflags +faststart"));
  std::mt19937 random(1);
  for (int i = 0; i < 200; ++i) content[8000 + random() % (content.size() - 8000)] = static_cast<char>(random() % 256);
  Collected seen;
  testing::internal::CaptureStderr();
  const auto report = read_media(written("damaged.mp4", content), {}, seen);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  EXPECT_GT(report.corrupt_pictures, 0);
  EXPECT_GT(report.complaints, 0);
  EXPECT_FALSE(report.first_complaint.empty());
  EXPECT_NEAR(static_cast<double>(seen.pictures.size()), 30, 3);
  long corrupt = 0;
  for (const auto& picture : seen.pictures) corrupt += picture.corrupt;
  EXPECT_GT(corrupt, 0);
}

TEST(OddFiles, WhatIsNoMediaFileIsNamed) {
  Collected seen;
  const auto refusal = [&](const std::filesystem::path& path) {
    return error_of<DataError>([&] { read_media(path, {}, seen); });
  };
  EXPECT_THAT(refusal("/no/such/clip.mp4"), HasSubstr("/no/such/clip.mp4: no such file"));
  EXPECT_THAT(refusal(test::scratch_folder("folder.mp4")),
              HasSubstr("folder.mp4: expected a video or sound file, found a folder"));
  EXPECT_THAT(refusal(written("empty.mp4", "")),
              HasSubstr("empty.mp4: expected a video or sound file, found no bytes at all"));
  EXPECT_THAT(refusal(written("text.mp4", "this is a text, and not a video\n")),
              AllOf(HasSubstr("text.mp4: "), HasSubstr("found")));
  std::mt19937 random(1);
  std::string bytes(5000, ' ');
  for (auto& byte : bytes) byte = static_cast<char>(random() % 256);
  EXPECT_THAT(refusal(written("random.mp4", bytes)), AllOf(HasSubstr("random.mp4: "), HasSubstr("expected")));
}

TEST_F(OddMedia, AListOfOtherFilesIsNotFollowed) {
  const auto clip = normal_clip();
  Collected seen;
  for (const auto& [name, content] : std::vector<std::pair<std::string, std::string>>{
           {"list.ffconcat", "ffconcat version 1.0\nfile normal.mp4\n"},
           {"list.mp4", "ffconcat version 1.0\nfile normal.mp4\n"},
           {"list.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\nnormal.mp4\n#EXT-X-ENDLIST\n"}})
    EXPECT_THAT(error_of<DataError>([&] { read_media(written(name, content), {}, seen); }),
                AllOf(HasSubstr(name + ": expected a video or sound file"),
                      HasSubstr("lists of other files are never followed")))
        << name;
  EXPECT_TRUE(seen.pictures.empty());
}

TEST_F(OddMedia, ANameThatLooksLikeAnAddressIsAName) {
  const auto clip = normal_clip();
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(clip.parent_path());
  for (const std::string name : {"concat:a|b.mp4", "http:clip.mp4"}) {
    std::filesystem::copy_file(clip, name);
    Collected seen;
    EXPECT_EQ(read_media(name, {}, seen).pictures, 30) << name;
  }
  std::filesystem::current_path(before);
}

TEST_F(OddMedia, JoinedRecordingsGoOnWhereTheFirstEnds) {
  const auto one = read_file(normal_clip("one.ts"));
  Collected seen;
  const auto report = read_media(written("two.ts", one + one), {}, seen);
  EXPECT_NEAR(report.decoded_seconds, 6, 0.3);
  EXPECT_GT(report.time_jumps, 0);
  EXPECT_NEAR(static_cast<double>(seen.pictures.size()), 60, 3);
  EXPECT_NEAR(static_cast<double>(seen.samples.size()) / 16000, 6, 0.3);
}

}  // namespace
}  // namespace kuda
