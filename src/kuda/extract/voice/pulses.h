#pragma once
// Private to voice: the periods of a voice one by one, and how much they differ.
//
//   PulseChain chain(16000, 160);
//   chain.add(sound, frame, f0);                        // frames in order; f0 = 0: no voice
//   const Perturbation p = chain.around(frame);         // once the frames that follow for 60 ms were added
//
// The first pulse of a voiced stretch is its largest |sample| within a period. Each next one lies where the sound over
// one period matches that about the pulse before it best (normalised cross-correlation at distances of 0.8 to 1.25
// periods, the peak between samples by a parabola), as Praat's "Sound & Pitch: To PointProcess (cc)" does. The
// amplitude of a pulse is the root mean square of the sound about it under a Hann window of 0.2 periods to each side,
// as Praat's. A period more than 1.3 times as long as its neighbour, or an amplitude more than 1.6 times its
// neighbour's, is no pair (Praat's defaults).

#include <cstdint>
#include <deque>

#include "kuda/extract/voice/sound_buffer.h"

namespace kuda {

struct Perturbation {
  double jitter = 0, shimmer = 0;  ///< shares of the mean period and the mean amplitude; 0 where there are no pairs
};

class PulseChain {
 public:
  PulseChain(int sample_rate, std::int64_t hop) : sample_rate_(sample_rate), hop_(hop) {}
  void add(const SoundBuffer& sound, std::int64_t frame, float f0);
  /// Of the pulses within 25 ms of the frame's centre. Forgets what lies before: frames are asked in order.
  [[nodiscard]] Perturbation around(std::int64_t frame);

 private:
  struct Pulse {
    double place = 0;      // in samples of the sound
    double period = 0;     // since the pulse before it; 0: the first of its stretch
    double amplitude = 0;  // root mean square
  };
  void begin_stretch(const SoundBuffer& sound, std::int64_t first, double period);
  /// False where the sound does not go on as it was.
  bool append_next(const SoundBuffer& sound, double period);

  int sample_rate_;
  std::int64_t hop_;
  bool is_in_voice_ = false;
  std::deque<Pulse> pulses_;
};

}  // namespace kuda
