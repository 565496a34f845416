#pragma once
// Sounds for tests: made ones, and those of real clips where they and the ffmpeg program are.

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>

#include "kuda/base/file.h"
#include "kuda/base/test_support.h"

namespace kuda::test {

/// The published weights that scripts/setup.sh --extractor makes; they may be absent.
inline std::filesystem::path extractor_folder() {
  return std::filesystem::path(KUDA_SOURCE_DIR) / "extractors/default";
}

/// In a test of published weights, first.
#define KUDA_NEEDS_WEIGHTS()                                                  \
  if (!std::filesystem::exists(test::extractor_folder() / "whisper-tiny.en")) \
  GTEST_SKIP() << "no weights in " << test::extractor_folder() << " (scripts/setup.sh --extractor)"

/// Largest difference; infinite for another shape.
inline double difference(const torch::Tensor& a, const torch::Tensor& b) {
  return a.sizes() == b.sizes() ? (a - b).abs().max().item<double>() : INFINITY;
}

/// tests/data/speech/make_reference.py makes the same.
inline torch::Tensor made_sound(std::int64_t length) {
  const auto i = torch::arange(length, torch::kInt64);
  return ((i * i).remainder(1009) - 504).to(torch::kFloat32) / 1024;
}

/// Mono at 16 kHz of any file, by the ffmpeg program; undefined where that is not to be had.
inline torch::Tensor sound_of_file(const std::filesystem::path& file) {
  const auto raw = scratch("sound.f32");
  const auto command = "ffmpeg -v error -y -i '" + file.string() + "' -ac 1 -ar 16000 -f f32le '" + raw.string() + "'";
  if (std::system(command.c_str()) != 0) return {};
  const auto bytes = read_file(raw);
  return torch::from_blob(const_cast<char*>(bytes.data()), {std::int64_t(bytes.size() / sizeof(float))}).clone();
}

/// A sentence by a voice of espeak-ng; undefined where that is not to be had.
inline torch::Tensor spoken(const std::string& sentence, const std::string& voice = "en-us") {
  const auto wave = scratch("sound.wav");
  const auto command = "espeak-ng -v " + voice + " -w '" + wave.string() + "' \"" + sentence + "\" 2>/dev/null";
  return std::system(command.c_str()) == 0 ? sound_of_file(wave) : torch::Tensor();
}

inline torch::Tensor tone(double hertz, double seconds) {
  return (torch::arange(std::int64_t(seconds * 16000), torch::kFloat64) * (2 * M_PI * hertz / 16000))
             .sin()
             .to(torch::kFloat32) *
         0.5;
}

inline torch::Tensor noise(double seconds) {
  torch::manual_seed(7);
  return torch::randn({std::int64_t(seconds * 16000)}) * 0.1;
}

/// Chords of decaying harmonics, one each half second.
inline torch::Tensor music(double seconds) {
  auto sound = torch::zeros({std::int64_t(seconds * 16000)});
  const double chords[][3] = {
      {261.6, 329.6, 392.0}, {293.7, 370.0, 440.0}, {349.2, 440.0, 523.3}, {392.0, 493.9, 587.3}};
  const auto time = torch::arange(8000, torch::kFloat64) / 16000;
  for (std::int64_t beat = 0; (beat + 1) * 8000 <= sound.size(0); ++beat)
    for (const double hertz : chords[beat % 4])
      for (int harmonic = 1; harmonic <= 4; ++harmonic)
        sound.slice(0, beat * 8000, (beat + 1) * 8000) +=
            ((time * (2 * M_PI * hertz * harmonic)).sin() * (time * -5).exp() * (0.1 / harmonic)).to(torch::kFloat32);
  return sound;
}

}  // namespace kuda::test
