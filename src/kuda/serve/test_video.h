#pragma once
// A video of every upload: the same clip, made of nothing. For tests only.

#include <cstdint>
#include <vector>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/extract/clip_source.h"
#include "kuda/predictor/test_clips.h"
#include "kuda/serve/test_server.h"

namespace kuda::test {

class FixedClip final : public ClipSource {
 public:
  ExtractedClip extract(const std::filesystem::path& file, double, std::optional<double> end) override {
    if (read_file(file) == "broken") throw DataError(file.string() + ": nothing can be decoded");
    ExtractedClip clip;
    const auto width = predictor().facts().inputs.vision.width;
    clip.vision = io::make_array({2, width}, std::vector<float>(std::size_t(2 * width), 0.5F));
    clip.transcript = "a fine film";
    clip.language = "en";
    clip.words = {{"a", 0.1, 0.2, 0.9}, {"fine", 0.2, 0.5, 0.8}, {"film", 0.5, 0.8, 0.7}};
    clip.facts.seconds = end.value_or(1);
    clip.facts.declared_seconds = declared_seconds;
    clip.facts.missing.audio = "the sound is silent";
    return clip;
  }
  double declared_seconds = 1;
};

}  // namespace kuda::test
