#pragma once
// Private to voice: the fundamental frequency after Boersma (1993), "Accurate short-term analysis of the fundamental
// frequency and the harmonics-to-noise ratio of a sampled sound", IFA Proceedings 17: candidates are the peaks of a
// frame's autocorrelation over that of its window, and the path of lowest cost through them decides.
//
//   const PitchFrames pitch(options, 160);
//   PitchPath path(options);
//   for (const auto& frame : pitch.candidates(samples, 100)) path.forward(frame, loudest);
//   for (const PitchChoice& choice : path.take(100)) use(choice.frequency);     // 0: no voice

#include <torch/torch.h>

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "kuda/extract/voice/voice.h"

namespace kuda {

inline constexpr int kPitchCandidates = 8;

struct PitchCandidates {
  std::array<float, kPitchCandidates> frequency{};    ///< Hz, the best first; 0 where there are fewer peaks
  std::array<float, kPitchCandidates> correlation{};  ///< of the sound with itself one period later, at most 1
  float peak = 0;                                     ///< largest |sample| about the centre, without the mean
};

class PitchFrames {
 public:
  PitchFrames(const VoiceOptions& options, std::int64_t hop);
  [[nodiscard]] std::int64_t half_window() const noexcept { return window_.size(0) / 2; }
  /// Of `count` frames, the first centred on `centre` [0]: samples from centre[-half_window()] up to
  /// centre[(count - 1) * hop + half_window()].
  [[nodiscard]] std::vector<PitchCandidates> candidates(const float* centre, std::int64_t count) const;

 private:
  [[nodiscard]] torch::Tensor autocorrelation(const torch::Tensor& windowed) const;

  std::int64_t hop_, fft_length_, first_lag_, last_lag_;
  double lags_per_second_;
  torch::Tensor window_;       // [W]
  torch::Tensor window_lags_;  // [last_lag + 2], the window's autocorrelation; 1 at lag 0
  torch::Tensor preference_;   // [last_lag - first_lag + 1], of short lags
};

struct PitchChoice {
  float frequency = 0;    ///< Hz, 0: no voice
  float correlation = 0;  ///< at that period; the highest of the frame where there is no voice
};

/// The path of lowest cost (Viterbi) as frames come. What is taken is final; a path that is decided a second later is
/// the one that the whole sound gives, unless two paths stay equally good for that long.
class PitchPath {
 public:
  explicit PitchPath(const VoiceOptions& options);
  /// `loudest`: the largest |sample| of the sound around the frame.
  void forward(const PitchCandidates& frame, float loudest);
  [[nodiscard]] std::int64_t waiting() const noexcept { return std::int64_t(steps_.size()); }
  /// The first `count` frames that wait, on the best path up to the last one.
  [[nodiscard]] std::vector<PitchChoice> take(std::int64_t count);

 private:
  static constexpr int kStates = kPitchCandidates + 1;  // the last one: no voice
  struct Step {
    PitchCandidates frame;
    std::array<double, kPitchCandidates> octave{};  // log2 of the frequency
    std::array<std::int8_t, kStates> before{};      // the best state of the frame before
  };
  [[nodiscard]] std::array<double, kStates> strengths(const Step& step, float loudest) const;
  [[nodiscard]] double change_cost(const Step& before, int from, const Step& step, int to) const;

  VoiceOptions options_;
  std::deque<Step> steps_;               // not taken yet
  std::optional<Step> last_;             // the newest, also where it was taken
  std::array<double, kStates> score_{};  // of the best path that ends in each state of the last step
};

}  // namespace kuda
