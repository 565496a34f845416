#pragma once
// Private to voice: what a short spectrum says about a frame. The formulas stand in voice.h.
//
//   const SpectralFrames spectral(16000, 160);
//   const Tensor table = spectral.table(samples, 100);   // [100, 59]: mel_0 .. slope_500_1500

#include <torch/torch.h>

#include <cstdint>
#include <string>
#include <vector>

namespace kuda {

inline constexpr int kMelBands = 40, kCepstra = 13;

[[nodiscard]] std::vector<std::string> spectral_columns();

/// Centres of the mel bands in Hz.
[[nodiscard]] std::vector<double> mel_centres(int sample_rate);

class SpectralFrames {
 public:
  SpectralFrames(int sample_rate, std::int64_t hop);
  [[nodiscard]] std::int64_t half_window() const noexcept { return window_.size(0) / 2; }
  [[nodiscard]] std::int64_t fft_length() const noexcept { return fft_length_; }
  /// Of `count` frames, the first centred on `centre` [0]: samples from centre[-hop - half_window()] (flux looks at the
  /// frame before) up to centre[(count - 1) * hop + half_window()] -> [count, 59] float32.
  [[nodiscard]] torch::Tensor table(const float* centre, std::int64_t count) const;

 private:
  std::int64_t hop_, fft_length_;
  torch::Tensor window_;   // [W], divided by the root of its sum of squares
  torch::Tensor mel_;      // [K, 40]
  torch::Tensor cosines_;  // [40, 13]
  torch::Tensor hertz_;    // [K]
  torch::Tensor slopes_;   // [K, 2]
};

}  // namespace kuda
