#pragma once
// Clips that the tests make with the ffmpeg program, and a sink that keeps everything.

#include <fmt/format.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "kuda/base/file.h"
#include "kuda/base/test_support.h"
#include "kuda/media/media.h"

namespace kuda::test {

inline bool has_ffmpeg_program() {
  static const bool found = std::system("ffmpeg -version >/dev/null 2>&1") == 0;
  return found;
}

class MadeMedia : public testing::Test {
 protected:
  void SetUp() override {
    if (!has_ffmpeg_program()) GTEST_SKIP() << "the ffmpeg program, which makes the clips, is not installed";
  }
};

/// Three seconds of 25 grey frames each: frame n has luma 16 + 2 n.
inline const std::string kVideo = "-f lavfi -i \"color=black:s=96x64:r=25:d=3,geq=lum='16+2*N':cb=128:cr=128\" ";
/// Three seconds at 44.1 kHz: silence, and from 1 s on a tone.
inline const std::string kSound = "-f lavfi -i \"aevalsrc='0.5*sin(880*PI*t)*gte(t,1)':s=44100:d=3\" ";
inline const std::string kH264 = "-c:v libx264 -preset ultrafast -qp 1 -pix_fmt yuv420p ";
inline const std::string kAac = "-c:a aac ";

/// Runs ffmpeg; the file lies in the running test's own folder.
inline std::filesystem::path made(const std::string& name, const std::string& arguments) {
  const auto path = scratch(name);
  const auto command = fmt::format("ffmpeg -nostdin -v error -y {} -threads 1 '{}'", arguments, path.string());
  if (std::system(command.c_str()) != 0) ADD_FAILURE() << command;
  return path;
}

inline std::filesystem::path normal_clip(const std::string& name = "normal.mp4", const std::string& more = "") {
  return made(name, kVideo + kSound + kH264 + kAac + more);
}

inline std::filesystem::path written(const std::string& name, const std::string& content) {
  const auto path = scratch(name);
  std::ofstream(path, std::ios::binary) << content;
  return path;
}

/// The first part of a file.
inline std::filesystem::path cut(const std::filesystem::path& from, double share) {
  const auto content = read_file(from);
  return written("cut" + from.extension().string(),
                 content.substr(0, static_cast<std::size_t>(static_cast<double>(content.size()) * share)));
}

class Collected : public MediaSink {
 public:
  std::vector<Picture> pictures;
  std::vector<float> samples;
  double reached = 0;

  void picture(const Picture& picture) override { pictures.push_back(picture); }
  void sound(std::span<const float> more) override { samples.insert(samples.end(), more.begin(), more.end()); }
  void progress(double seconds) override { reached = seconds; }

  [[nodiscard]] float peak() const {
    float most = 0;
    for (const float sample : samples) most = std::max(most, std::abs(sample));
    return most;
  }
  /// Seconds to the first sample that can be heard.
  [[nodiscard]] double onset() const {
    std::size_t i = 0;
    while (i < samples.size() && std::abs(samples[i]) < 0.1F) ++i;
    return static_cast<double>(i) / 16000;
  }
};

/// Red at a place given in parts of width and height.
inline int red(const Picture& picture, double across, double down) {
  const auto x = static_cast<std::size_t>(across * picture.width), y = static_cast<std::size_t>(down * picture.height);
  return picture.rgb.at(y * picture.stride + 3 * x);
}

/// Which frame of kVideo a picture shows, from its grey.
inline double frame_number(const Picture& picture) { return red(picture, 0.5, 0.5) * 219.0 / 255 / 2; }

}  // namespace kuda::test
