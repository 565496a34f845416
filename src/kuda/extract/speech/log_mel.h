#pragma once
// What Whisper hears: the log-mel spectrogram of its paper (section 2.2), as its published code computes it.

#include <torch/torch.h>

namespace kuda {

inline constexpr std::int64_t kSampleRate = 16000;     ///< Hz
inline constexpr std::int64_t kSamplesPerFrame = 160;  ///< 10 ms

/// Throws ShapeError unless it is [S] float32 on the CPU.
void check_samples(const torch::Tensor& samples);

/// Triangles on Slaney's mel scale from 0 to 8000 Hz, each of the same area: [mel_bins, 201] float32.
[[nodiscard]] torch::Tensor mel_filters(std::int64_t mel_bins);

/// Samples [S], S > 200 -> [1, mel_bins, S / 160]: windows of 25 ms each 10 ms; the logarithm reaches 8 decades below
/// the loudest value, and 4 of them are scaled to 1.
[[nodiscard]] torch::Tensor log_mel(const torch::Tensor& samples, const torch::Tensor& filters);

}  // namespace kuda
