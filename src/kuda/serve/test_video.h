#pragma once
// A video of every upload, made of nothing. For tests only.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <thread>
#include <vector>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/extract/clip_source.h"
#include "kuda/predictor/test_clips.h"
#include "kuda/serve/test_server.h"

namespace kuda::test {

/// `seconds` long, two pictures a second, each second "a fine film", with a face at its beginning.
class FixedClip final : public ClipSource {
 public:
  ExtractedClip extract(const std::filesystem::path& file, double begin, std::optional<double> end) override {
    if (read_file(file) == "broken") throw DataError(file.string() + ": nothing can be decoded");
    ++extractions;
    const auto length = std::min(end.value_or(seconds), seconds) - begin;
    longest = std::max(longest, length);
    if (length <= 0) throw DataError(file.string() + ": there is nothing there");
    read(length);
    ExtractedClip clip;
    const auto width = predictor().facts().inputs.vision.width;
    const auto rows = std::int64_t(2 * length);
    std::vector<float> values;
    for (std::int64_t i = 0; i < rows * width; ++i) values.push_back(float(0.5 + 0.01 * (begin + double(i / width))));
    clip.vision = io::make_array({rows, width}, values);
    clip.vision_rate = 2;
    clip.language = "en";
    for (int i = 0; i < int(length); ++i) {
      clip.transcript += clip.transcript.empty() ? "a fine film" : " a fine film";
      clip.words.insert(
          clip.words.end(),
          {{"a", i + 0.1, i + 0.2, 0.9}, {"fine", i + 0.2, i + 0.5, 0.8}, {"film", i + 0.5, i + 0.8, 0.7}});
      clip.face_boxes.push_back({double(i), 0.25F, 0.125F, 0.5F, 0.5F});
    }
    clip.facts.seconds = length;
    clip.facts.declared_seconds = declared_seconds;
    if (has_sound) {
      const auto audio = predictor().facts().inputs.audio.width;
      clip.audio = io::make_array({rows, audio}, std::vector<float>(std::size_t(rows * audio), 0.25F));
      clip.audio_rate = 2;
    } else {
      clip.facts.missing.audio = "the sound is silent";
    }
    return clip;
  }
  bool has_sound = false;
  double seconds = 1;
  std::optional<double> declared_seconds = 1;
  double longest = 0;                     ///< seconds that were asked for at once, of those that are there
  std::chrono::milliseconds a_second{0};  ///< takes so long
  std::atomic<int> extractions{0}, broken_off{0};

 private:
  void read(double length) {
    for (int i = 0; i < int(length); ++i) {
      std::this_thread::sleep_for(a_second);
      try {
        if (progress) progress(i + 1);
      } catch (...) {
        ++broken_off;
        throw;
      }
    }
  }
};

}  // namespace kuda::test
