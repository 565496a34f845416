#include "kuda/extract/voice/pitch.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace kuda {
namespace {

using torch::Tensor;

// The autocorrelation is computed at twice the sample rate, by zeros behind its spectrum: a parabola through three of
// its values then finds a peak between them to 0.01 % for speech.
constexpr std::int64_t kFiner = 2;
constexpr double kImpossible = -std::numeric_limits<double>::infinity();

/// The least length >= n without prime factors above 5, for which an FFT is fast.
std::int64_t fast_length(std::int64_t n) {
  for (;; ++n) {
    std::int64_t rest = n;
    for (const std::int64_t prime : {2, 3, 5})
      while (rest % prime == 0) rest /= prime;
    if (rest == 1 && n % 2 == 0) return n;
  }
}

}  // namespace

PitchFrames::PitchFrames(const VoiceOptions& options, std::int64_t hop)
    : hop_(hop), lags_per_second_(double(kFiner) * options.sample_rate) {
  const auto half = std::int64_t(std::lround(1.5 / options.lowest_pitch * options.sample_rate));
  first_lag_ = std::max<std::int64_t>(1, std::int64_t(std::floor(lags_per_second_ / options.highest_pitch)));
  last_lag_ = std::int64_t(std::ceil(lags_per_second_ / options.lowest_pitch));
  fft_length_ = fast_length(2 * half + last_lag_ / kFiner + 2);
  window_ = torch::hann_window(2 * half, torch::kFloat32);
  const auto own = autocorrelation(window_.unsqueeze(0)).squeeze(0);
  window_lags_ = own / own[0].clone();
  const auto lag = torch::arange(first_lag_, last_lag_ + 1, torch::kFloat64);
  preference_ =
      (-options.octave_cost * torch::log2(lag * (options.lowest_pitch / lags_per_second_))).to(torch::kFloat32);
}

Tensor PitchFrames::autocorrelation(const Tensor& windowed) const {
  const auto power = torch::view_as_real(torch::fft_rfft(windowed, fft_length_)).square().sum(-1);  // [T, K]
  return torch::fft_irfft(power, kFiner * fft_length_).slice(1, 0, last_lag_ + 2);                  // [T, lags]
}

std::vector<PitchCandidates> PitchFrames::candidates(const float* centre, std::int64_t count) const {
  const std::int64_t half = half_window(), length = (count - 1) * hop_ + 2 * half;
  const auto samples = torch::from_blob(const_cast<float*>(centre - half), {length});  // only read
  auto frames = samples.unfold(0, 2 * half, hop_).contiguous();                        // [T, W]
  frames = frames - frames.mean(1, true);
  // Boersma's local peak: half a longest period to both sides, a sixth of the window.
  const auto peaks = frames.slice(1, half - half / 3, half + half / 3).abs().amax(1).contiguous();
  const auto lags = autocorrelation(frames * window_);                                            // [T, last + 2]
  const auto r = (lags / (lags.select(1, 0).unsqueeze(1) + 1e-12F) / window_lags_).contiguous();  // eq. 9
  const auto left = r.slice(1, first_lag_ - 1, last_lag_), middle = r.slice(1, first_lag_, last_lag_ + 1),
             right = r.slice(1, first_lag_ + 1, last_lag_ + 2);  // [T, lags]
  const auto is_peak = middle.gt(left) & middle.ge(right) & middle.gt(0);
  const auto strength = torch::where(is_peak, middle + preference_, -1.0F);  // eq. 24
  const auto [best_strength, best] = strength.topk(kPitchCandidates, 1);     // [T, 8]
  // A parabola through the peak and its neighbours.
  const auto l = left.gather(1, best), m = middle.gather(1, best), h = right.gather(1, best);
  const auto curvature = (l - 2 * m + h).clamp_max(-1e-12F);
  const auto shift = (0.5F * (l - h) / curvature).clamp(-0.5F, 0.5F);
  auto top = m - 0.25F * (l - h) * shift;
  top = torch::where(top > 1, top.reciprocal(), top);  // above 1 by interpolation alone (Boersma)
  const auto frequency = lags_per_second_ / (best + first_lag_ + shift);
  const auto exists = best_strength.gt(0) & top.gt(0);
  const auto f = torch::where(exists, frequency, 0.0F).to(torch::kFloat32).contiguous();
  const auto c = torch::where(exists, top, 0.0F).contiguous();

  std::vector<PitchCandidates> result(static_cast<std::size_t>(count));
  const auto* fs = f.const_data_ptr<float>();
  const auto* cs = c.const_data_ptr<float>();
  const auto* ps = peaks.const_data_ptr<float>();
  for (std::int64_t i = 0; i < count; ++i) {
    auto& frame = result[static_cast<std::size_t>(i)];
    std::copy_n(fs + i * kPitchCandidates, kPitchCandidates, frame.frequency.begin());
    std::copy_n(cs + i * kPitchCandidates, kPitchCandidates, frame.correlation.begin());
    frame.peak = ps[i];
  }
  return result;
}

// The costs of a change are those of 10 ms.
PitchPath::PitchPath(const VoiceOptions& options) : options_(options) {
  options_.octave_jump_cost *= options.frames_per_second / 100;
  options_.voiced_unvoiced_cost *= options.frames_per_second / 100;
}

// Eq. 27, the change of a path between neighbouring frames.
double PitchPath::change_cost(const Step& before, int from, const Step& step, int to) const {
  const bool was_voice = from != kPitchCandidates, is_voice = to != kPitchCandidates;
  if (was_voice != is_voice) return options_.voiced_unvoiced_cost;
  if (!is_voice) return 0;
  return options_.octave_jump_cost * std::abs(before.octave[std::size_t(from)] - step.octave[std::size_t(to)]);
}

// Eq. 23 and 24: how much each state has for itself.
std::array<double, PitchPath::kStates> PitchPath::strengths(const Step& step, float loudest) const {
  std::array<double, kStates> strength;
  strength.fill(kImpossible);
  const double loudness = loudest > 0 ? double(step.frame.peak) / loudest : 0;
  const double silence = 2 - loudness * (1 + options_.voicing_threshold) / options_.silence_threshold;
  strength[kPitchCandidates] = options_.voicing_threshold + std::max(0.0, silence);
  for (std::size_t i = 0; i < kPitchCandidates; ++i)
    if (step.frame.frequency[i] > 0)
      strength[i] =
          step.frame.correlation[i] + options_.octave_cost * (step.octave[i] - std::log2(options_.lowest_pitch));
  return strength;
}

void PitchPath::forward(const PitchCandidates& frame, float loudest) {
  Step step{.frame = frame};
  for (std::size_t i = 0; i < kPitchCandidates; ++i)
    if (frame.frequency[i] > 0) step.octave[i] = std::log2(double(frame.frequency[i]));
  const auto strength = strengths(step, loudest);
  auto score = strength;
  if (last_)
    for (int to = 0; to < kStates; ++to) {
      double best = kImpossible;
      for (int from = 0; from < kStates; ++from) {
        const double path = score_[std::size_t(from)] - change_cost(*last_, from, step, to);
        if (path > best) {
          best = path;
          step.before[std::size_t(to)] = std::int8_t(from);
        }
      }
      score[std::size_t(to)] += best;
    }
  score_ = score;
  last_ = step;
  steps_.push_back(step);
}

std::vector<PitchChoice> PitchPath::take(std::int64_t count) {
  auto state = std::max_element(score_.begin(), score_.end()) - score_.begin();
  std::vector<PitchChoice> choices(static_cast<std::size_t>(count));
  for (auto i = waiting() - 1; i >= 0; --i) {
    const auto& step = steps_[std::size_t(i)];
    if (i < count) {
      const auto& correlation = step.frame.correlation;
      choices[std::size_t(i)] =
          state == kPitchCandidates
              ? PitchChoice{0, *std::max_element(correlation.begin(), correlation.end())}
              : PitchChoice{step.frame.frequency[std::size_t(state)], correlation[std::size_t(state)]};
    }
    state = step.before[std::size_t(state)];
  }
  steps_.erase(steps_.begin(), steps_.begin() + count);
  return choices;
}

}  // namespace kuda
