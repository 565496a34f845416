#include "kuda/extract/voice/spectrum.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>

namespace kuda {
namespace {

using torch::Tensor;

constexpr double kLowestMelFrequency = 20;  // Hz
constexpr float kFloor = 1e-10F;            // -100 dB of full scale: silence is finite

double mel_of(double hertz) { return 2595 * std::log10(1 + hertz / 700); }
double hertz_of(double mel) { return 700 * (std::pow(10, mel / 2595) - 1); }

/// Feet and centres of the triangles: band m is (edge[m], edge[m + 1], edge[m + 2]).
std::vector<double> mel_edges(int sample_rate) {
  const double low = mel_of(kLowestMelFrequency), high = mel_of(sample_rate / 2.0);
  std::vector<double> edges;
  for (int i = 0; i < kMelBands + 2; ++i) edges.push_back(hertz_of(low + (high - low) * i / (kMelBands + 1)));
  return edges;
}

Tensor mel_filters(const Tensor& hertz, int sample_rate) {
  const auto edges = torch::tensor(mel_edges(sample_rate), torch::kFloat64);
  const auto low = edges.slice(0, 0, kMelBands), centre = edges.slice(0, 1, kMelBands + 1), high = edges.slice(0, 2);
  const auto f = hertz.unsqueeze(1);                                                             // [K, 1]
  return torch::minimum((f - low) / (centre - low), (high - f) / (high - centre)).clamp_min(0);  // [K, 40]
}

/// Weights w with sum w y = the slope of y's least squares line over the band.
Tensor slope_weights(const Tensor& hertz, double low, double high) {
  const auto in_band = ((hertz > low) & (hertz <= high)).to(torch::kFloat64);
  const auto kilohertz = hertz / 1000;
  const auto deviation = (kilohertz - (kilohertz * in_band).sum() / in_band.sum()) * in_band;
  return deviation / deviation.square().sum();
}

Tensor cosine_transform() {
  const auto n = torch::arange(kMelBands, torch::kFloat64).unsqueeze(1), k = torch::arange(kCepstra, torch::kFloat64);
  const auto scale = torch::full({kCepstra}, std::sqrt(2.0 / kMelBands), torch::kFloat64);
  scale[0] = std::sqrt(1.0 / kMelBands);
  return ((n + 0.5) * k * (std::numbers::pi / kMelBands)).cos() * scale;  // [40, 13]
}

}  // namespace

std::vector<std::string> spectral_columns() {
  std::vector<std::string> names;
  for (int i = 0; i < kMelBands; ++i) names.push_back("mel_" + std::to_string(i));
  for (int i = 0; i < kCepstra; ++i) names.push_back("mfcc_" + std::to_string(i));
  for (const char* name : {"energy", "zero_crossings", "centroid", "flux", "slope_0_500", "slope_500_1500"})
    names.emplace_back(name);
  return names;
}

std::vector<double> mel_centres(int sample_rate) {
  auto edges = mel_edges(sample_rate);
  return {edges.begin() + 1, edges.end() - 1};
}

SpectralFrames::SpectralFrames(int sample_rate, std::int64_t hop) : hop_(hop) {
  const auto half = std::int64_t(std::lround(0.0125 * sample_rate));
  fft_length_ = std::int64_t(std::bit_ceil(std::uint64_t(2 * half)));
  const auto window = torch::hann_window(2 * half, torch::kFloat64);  // periodic: its middle is sample `half`
  window_ = (window / window.square().sum().sqrt()).to(torch::kFloat32);
  const auto f = torch::arange(fft_length_ / 2 + 1, torch::kFloat64) * (double(sample_rate) / double(fft_length_));
  mel_ = mel_filters(f, sample_rate).to(torch::kFloat32);
  cosines_ = cosine_transform().to(torch::kFloat32);
  hertz_ = f.to(torch::kFloat32);
  slopes_ = torch::stack({slope_weights(f, 0, 500), slope_weights(f, 500, 1500)}, 1).to(torch::kFloat32);
}

Tensor SpectralFrames::table(const float* centre, std::int64_t count) const {
  const std::int64_t half = half_window(), length = count * hop_ + 2 * half;
  const auto samples = torch::from_blob(const_cast<float*>(centre - hop_ - half), {length});  // only read
  const auto before_and_frames = samples.unfold(0, 2 * half, hop_).contiguous();              // [T + 1, W]
  const auto spectra = torch::fft_rfft(before_and_frames * window_, fft_length_);             // [T + 1, K]
  const auto powers = torch::view_as_real(spectra).square().sum(-1);                          // [T + 1, K]
  const auto frames = before_and_frames.slice(0, 1), power = powers.slice(0, 1).contiguous();

  const auto log_mel = (power.matmul(mel_) + kFloor).log();      // [T, 40]
  const auto energy = (frames.square().mean(1) + kFloor).log();  // [T]
  const auto positive = frames.ge(0);                            // [T, W]
  const auto crossings = positive.slice(1, 1).ne(positive.slice(1, 0, -1)).to(torch::kFloat32).mean(1);
  const auto centroid = power.matmul(hertz_) / (power.sum(1) + kFloor);
  const auto magnitudes = powers.sqrt();  // [T + 1, K]
  const auto shapes = magnitudes / (magnitudes.square().sum(1, true) + kFloor).sqrt();
  const auto flux = (shapes.slice(0, 1) - shapes.slice(0, 0, -1)).square().sum(1);
  const auto decibels = 10 * (power + kFloor).log10();  // [T, K]
  return torch::cat({log_mel, log_mel.matmul(cosines_), torch::stack({energy, crossings, centroid, flux}, 1),
                     decibels.matmul(slopes_)},
                    1);
}

}  // namespace kuda
