#include "kuda/data/synth/synth_frames.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>

namespace kuda {
namespace {

constexpr std::uint64_t kRuleSeed = 1;  // of the patterns; a change of the rule is a change of this number
// Directions of the hidden state and the strength of the signal on each, in deviations of its noise.
constexpr int kSentiment = 0, kClarity = 1, kActivity = 2, kFirstNuisance = 3;
constexpr double kSentimentGain = 2.5, kClarityGain = 2.0, kActivityGain = 4.0;
constexpr double kSpeakerDeviation = 0.5, kMemory = 0.8;  // nuisance: offset per speaker, AR(1) in time
constexpr double kMeasurement = 0.3;                      // half width of the uniform noise on each feature
constexpr double kMeanStretch = 6;                        // frames, mean length of an active stretch

double clarity_of(SynthRole role) { return role == SynthRole::dominant ? 1 : role == SynthRole::noise ? -1 : 0; }

/// Active (1) and idle (0) stretches of geometric length; at least a third of a short clip is active.
std::vector<char> draw_activity(Random& random, std::int64_t length) {
  const double share = random.uniform(0.35, 0.75);  // of this clip's frames, in expectation
  const double stop = 1 / kMeanStretch, start = stop * share / (1 - share);
  std::vector<char> active(std::size_t(length), 0);
  char now = random.uniform() < share ? 1 : 0;
  std::int64_t count = 0;
  for (auto& frame : active) {
    frame = now;
    count += now;
    if (random.uniform() < (now == 1 ? stop : start)) now = now == 1 ? 0 : 1;
  }
  const std::int64_t least = std::min<std::int64_t>(length, std::max<std::int64_t>(3, length / 10));
  for (auto at = std::int64_t(random.below(std::uint64_t(length))); count < least; at = (at + 1) % length) {
    count += active[std::size_t(at)] == 0 ? 1 : 0;
    active[std::size_t(at)] = 1;
  }
  return active;
}

}  // namespace

FrameRule::FrameRule(std::string_view modality, std::int64_t width)
    : width_(width), hidden_(int(std::min<std::int64_t>(width, kMaxHidden))) {
  Random random(stream_seed(kRuleSeed, "synth.pattern." + std::string(modality), std::uint64_t(width)));
  const auto columns = std::size_t(width_);
  std::vector<double> rows(std::size_t(hidden_) * columns);
  for (double& value : rows) value = random.normal();
  for (std::size_t k = 0; k < std::size_t(hidden_); ++k) {  // Gram-Schmidt
    double* row = rows.data() + k * columns;
    for (std::size_t j = 0; j < k; ++j) {
      const double* other = rows.data() + j * columns;
      double dot = 0, norm = 0;
      for (std::size_t d = 0; d < columns; ++d) dot += row[d] * other[d], norm += other[d] * other[d];
      for (std::size_t d = 0; d < columns; ++d) row[d] -= dot / norm * other[d];
    }
    double norm = 0;
    for (std::size_t d = 0; d < columns; ++d) norm += row[d] * row[d];
    const double scale = std::sqrt(double(width_) / hidden_ / norm);  // unit variance per feature
    for (std::size_t d = 0; d < columns; ++d) row[d] *= scale;
  }
  patterns_.assign(rows.begin(), rows.end());
  offset_.resize(columns);
  for (float& value : offset_) value = float(0.5 * random.normal());
}

FrameRule::Hidden FrameRule::draw_speaker(Random& random) const {
  Hidden speaker{};
  for (int k = kFirstNuisance; k < hidden_; ++k) speaker[std::size_t(k)] = float(kSpeakerDeviation * random.normal());
  return speaker;
}

void FrameRule::draw(Random& random, const Hidden& speaker, double sentiment, SynthRole role, std::int64_t length,
                     float* out) const {
  const auto active = draw_activity(random, length);
  const double fresh = std::sqrt(1 - kMemory * kMemory);
  std::array<double, kMaxHidden> state{};
  for (int k = kFirstNuisance; k < hidden_; ++k) state[std::size_t(k)] = random.normal();
  for (std::int64_t t = 0; t < length; ++t) {
    const double on = active[std::size_t(t)];
    state[kSentiment] = on * kSentimentGain * sentiment + random.normal();
    state[kClarity] = on * kClarityGain * clarity_of(role) + random.normal();
    state[kActivity] = on * kActivityGain + random.normal();
    for (int k = kFirstNuisance; k < hidden_; ++k)
      state[std::size_t(k)] = kMemory * state[std::size_t(k)] + fresh * random.normal();

    float* frame = out + t * width_;
    for (std::int64_t d = 0; d < width_; ++d)
      frame[d] = offset_[std::size_t(d)] + float(random.uniform(-kMeasurement, kMeasurement));
    for (int k = 0; k < hidden_; ++k) {
      const auto value = float(state[std::size_t(k)]) + speaker[std::size_t(k)];
      const float* pattern = patterns_.data() + k * width_;
      for (std::int64_t d = 0; d < width_; ++d) frame[d] += value * pattern[d];
    }
  }
}

FrameEvidence FrameRule::read(const float* frames, std::int64_t length) const {
  const double scale = double(hidden_) / double(width_);  // 1 / squared length of a pattern
  FrameEvidence active, all;
  for (std::int64_t t = 0; t < length; ++t) {
    std::array<double, 3> state{};
    for (int k = 0; k < 3; ++k) {
      double dot = 0;
      for (std::int64_t d = 0; d < width_; ++d)
        dot +=
            double(frames[t * width_ + d] - offset_[std::size_t(d)]) * double(patterns_[std::size_t(k * width_ + d)]);
      state[std::size_t(k)] = dot * scale;
    }
    for (FrameEvidence* evidence : {&all, &active}) {
      if (evidence == &active && state[kActivity] < kActivityGain / 2) continue;
      evidence->sentiment += state[kSentiment];
      evidence->clarity += state[kClarity];
      evidence->active += 1;
    }
  }
  FrameEvidence seen = active.active > 0 ? active : all;
  seen.sentiment /= kSentimentGain * seen.active;
  seen.clarity /= kClarityGain * seen.active;
  return seen;
}

double FrameRule::sentiment_variance(double active) noexcept { return 1 / (kSentimentGain * kSentimentGain * active); }

double FrameRule::clarity_variance(double active) noexcept { return 1 / (kClarityGain * kClarityGain * active); }

}  // namespace kuda
