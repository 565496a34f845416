#include "kuda/extract/speech/log_mel.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "kuda/base/error.h"

namespace kuda {
namespace {

using torch::Tensor;

constexpr std::int64_t kWindow = 400;  // samples: 25 ms

/// Slaney's scale: linear up to 1000 Hz (15 mel), logarithmic above.
double hertz_of_mel(double mel) {
  constexpr double kCorner = 15, kHertzPerMel = 200.0 / 3;
  const double step = std::log(6.4) / 27;
  return mel < kCorner ? mel * kHertzPerMel : kCorner * kHertzPerMel * std::exp(step * (mel - kCorner));
}

}  // namespace

void check_samples(const Tensor& samples) {
  if (!samples.defined() || samples.dim() != 1 || samples.scalar_type() != torch::kFloat32 || !samples.is_cpu())
    throw ShapeError(fmt::format("samples of speech: expected [S] float32 on the CPU, found {}",
                                 samples.defined() ? fmt::format("[{}] {}", fmt::join(samples.sizes(), ", "),
                                                                 c10::toString(samples.scalar_type()))
                                                   : "nothing"));
}

Tensor mel_filters(std::int64_t mel_bins) {
  const std::int64_t bins = kWindow / 2 + 1;
  const double highest_mel = 15 + std::log(8.0) / (std::log(6.4) / 27);  // of 8000 Hz
  std::vector<double> edges;
  for (std::int64_t i = 0; i < mel_bins + 2; ++i)
    edges.push_back(hertz_of_mel(highest_mel * double(i) / double(mel_bins + 1)));
  auto filters = torch::zeros({mel_bins, bins});
  auto values = filters.accessor<float, 2>();
  for (std::int64_t m = 0; m < mel_bins; ++m) {
    const double low = edges[std::size_t(m)], peak = edges[std::size_t(m) + 1], high = edges[std::size_t(m) + 2];
    for (std::int64_t k = 0; k < bins; ++k) {
      const double hertz = double(k * kSampleRate) / double(kWindow);
      const double height = std::min((hertz - low) / (peak - low), (high - hertz) / (high - peak));
      values[m][k] = float(std::max(0.0, height) * 2 / (high - low));
    }
  }
  return filters;
}

Tensor log_mel(const Tensor& samples, const Tensor& filters) {
  const auto padded = torch::reflection_pad1d(samples.view({1, 1, -1}), {kWindow / 2, kWindow / 2}).view(-1);
  const auto spectrum =
      at::stft(padded, kWindow, kSamplesPerFrame, kWindow, torch::hann_window(kWindow),
               /*normalized=*/false, /*onesided=*/true, /*return_complex=*/true);     // [201, S / 160 + 1]
  const auto power = torch::view_as_real(spectrum.slice(1, 0, -1)).square().sum(-1);  // [201, S / 160]
  const auto decades = filters.matmul(power).clamp_min(1e-10).log10();
  return ((torch::maximum(decades, decades.max() - 8) + 4) / 4).unsqueeze(0);
}

}  // namespace kuda
