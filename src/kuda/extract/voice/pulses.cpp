#include "kuda/extract/voice/pulses.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <numeric>
#include <vector>

namespace kuda {
namespace {

constexpr double kReach = 0.025;                    // seconds about a frame's centre
constexpr double kShortest = 0.8, kLongest = 1.25;  // distance of the next pulse in periods
constexpr double kLeastMatch = 0.3;
constexpr double kMostPeriodRatio = 1.3, kMostAmplitudeRatio = 1.6;

double root_mean_square(const SoundBuffer& sound, double place, double reach) {
  const auto first = std::int64_t(std::ceil(place - reach)), last = std::int64_t(std::floor(place + reach));
  const float* x = sound.at(first);
  double squares = 0, weights = 0;
  for (std::int64_t i = 0; i <= last - first; ++i) {
    const double weight = 0.5 + 0.5 * std::cos(std::numbers::pi * (double(first + i) - place) / reach);
    squares += weight * weight * x[i] * x[i];
    weights += weight * weight;
  }
  return weights > 0 ? std::sqrt(squares / weights) : 0;
}

float dot(const float* a, const float* b, std::int64_t n) {
  std::array<float, 8> sums{};  // side by side in one register
  std::int64_t i = 0;
  for (; i + 8 <= n; i += 8)
    for (std::int64_t j = 0; j < 8; ++j) sums[std::size_t(j)] += a[i + j] * b[i + j];
  float sum = std::accumulate(sums.begin(), sums.end(), 0.0F);
  for (; i < n; ++i) sum += a[i] * b[i];
  return sum;
}

bool is_pair(double a, double b, double most) { return a > 0 && b > 0 && std::max(a, b) <= most * std::min(a, b); }

struct Differences {
  double difference = 0, sum = 0;
  int pairs = 0;
  void add(double a, double b) {
    difference += std::abs(a - b);
    sum += (a + b) / 2;
    ++pairs;
  }
  [[nodiscard]] double share() const { return pairs == 0 || sum == 0 ? 0 : difference / sum; }
};

}  // namespace

void PulseChain::begin_stretch(const SoundBuffer& sound, std::int64_t first, double period) {
  const float* x = sound.at(first);
  const auto* largest =
      std::max_element(x, x + std::lround(period), [](float a, float b) { return std::abs(a) < std::abs(b); });
  const auto place = double(first + (largest - x));
  pulses_.push_back({place, 0, root_mean_square(sound, place, 0.2 * period)});
}

// One by one, each from the one before: there is nothing here to batch.
bool PulseChain::append_next(const SoundBuffer& sound, double period) {
  const double from = pulses_.back().place;
  const auto length = std::int64_t(std::lround(period));
  const auto start = std::int64_t(std::lround(from - period / 2));
  const auto shortest = std::int64_t(std::floor(kShortest * period)) - 1,
             longest = std::int64_t(std::ceil(kLongest * period)) + 1;
  const float* x = sound.at(start);
  const float own = dot(x, x, length);
  std::vector<double> match;
  for (auto lag = shortest; lag <= longest; ++lag) {
    const float* y = x + lag;
    const double energy = double(own) * dot(y, y, length);
    match.push_back(energy > 0 ? dot(x, y, length) / std::sqrt(energy) : 0);
  }
  const auto best = std::max_element(match.begin() + 1, match.end() - 1) - match.begin();
  const double left = match[std::size_t(best - 1)], top = match[std::size_t(best)],
               right = match[std::size_t(best + 1)];
  if (top < kLeastMatch) return false;
  const double curvature = left - 2 * top + right;
  const double shift = curvature < 0 ? std::clamp(0.5 * (left - right) / curvature, -0.5, 0.5) : 0;
  const double distance = double(shortest + best) + shift;
  pulses_.push_back({from + distance, distance, root_mean_square(sound, from + distance, 0.2 * period)});
  return true;
}

void PulseChain::add(const SoundBuffer& sound, std::int64_t frame, float f0) {
  if (f0 <= 0) {
    is_in_voice_ = false;
    return;
  }
  const double period = sample_rate_ / double(f0);
  const std::int64_t begin = frame * hop_ - hop_ / 2;
  const double end = double(begin + hop_);
  if (!is_in_voice_) begin_stretch(sound, begin, period);
  is_in_voice_ = true;
  while (pulses_.back().place + period < end)
    if (!append_next(sound, period)) begin_stretch(sound, std::int64_t(pulses_.back().place + period), period);
}

Perturbation PulseChain::around(std::int64_t frame) {
  const double centre = double(frame * hop_), reach = kReach * sample_rate_;
  // The two pulses before the first one in reach belong to its pairs.
  while (pulses_.size() > 3 && pulses_[3].place < centre - reach) pulses_.pop_front();
  Differences periods, amplitudes;
  for (std::size_t i = 1; i < pulses_.size(); ++i) {
    const auto &before = pulses_[i - 1], &pulse = pulses_[i];
    if (pulse.place < centre - reach || pulse.place > centre + reach || pulse.period == 0) continue;
    if (is_pair(before.amplitude, pulse.amplitude, kMostAmplitudeRatio))
      amplitudes.add(before.amplitude, pulse.amplitude);
    if (is_pair(before.period, pulse.period, kMostPeriodRatio)) periods.add(before.period, pulse.period);
  }
  return {periods.share(), amplitudes.share()};
}

}  // namespace kuda
