#pragma once
// Sounds whose right descriptors are known, for tests.

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <string>
#include <vector>

#include "kuda/base/random.h"
#include "kuda/extract/voice/voice.h"

namespace kuda::test {

inline constexpr double kRate = 16000;

inline torch::Tensor times_of(double seconds) {
  return torch::arange(std::int64_t(std::lround(seconds * kRate)), torch::kFloat64) / kRate;
}

inline torch::Tensor tone(double hertz, double seconds, double amplitude = 0.5) {
  return (amplitude * (2 * std::numbers::pi * hertz * times_of(seconds) + 0.3).sin()).to(torch::kFloat32);
}

/// Harmonics `first` to `last` of equal amplitude with phases that do not pile up.
inline torch::Tensor harmonics(double hertz, double seconds, int first, int last, double amplitude = 0.1) {
  auto sum = torch::zeros_like(times_of(seconds));
  for (int k = first; k <= last; ++k)
    sum += amplitude * (2 * std::numbers::pi * k * hertz * times_of(seconds) + 1.7 * k * k).sin();
  return sum.to(torch::kFloat32);
}

inline torch::Tensor noise(double seconds, double deviation, std::uint64_t seed = 1) {
  Random random(seed);
  std::vector<float> values(static_cast<std::size_t>(std::lround(seconds * kRate)));
  for (auto& x : values) x = static_cast<float>(deviation * random.normal());
  return torch::tensor(values);
}

/// Smooth pulses (a Gaussian of 0.4 ms less a wider one) at given times in seconds.
inline torch::Tensor pulses(const std::vector<double>& times, const std::vector<double>& amplitudes, double seconds) {
  std::vector<double> sum(static_cast<std::size_t>(std::lround(seconds * kRate)));
  for (std::size_t i = 0; i < times.size(); ++i) {
    const auto centre = std::int64_t(times[i] * kRate);
    for (auto n = std::max<std::int64_t>(0, centre - 130); n < std::min(std::int64_t(sum.size()), centre + 130); ++n) {
      const double x = (double(n) / kRate - times[i]) / 4e-4;
      sum[std::size_t(n)] += amplitudes[i] * (std::exp(-0.5 * x * x) - 0.25 * std::exp(-0.5 * x * x / 16));
    }
  }
  return torch::tensor(sum, torch::kFloat32);
}

/// Where a column stands.
inline std::int64_t place(const std::string& name) {
  const auto& names = voice_columns();
  return std::find(names.begin(), names.end(), name) - names.begin();
}

/// A column of the frames whose windows lie inside the sound.
inline torch::Tensor inside(const torch::Tensor& features, const std::string& name) {
  return features.select(1, place(name)).slice(0, 4, features.size(0) - 4).to(torch::kFloat64);
}

}  // namespace kuda::test
