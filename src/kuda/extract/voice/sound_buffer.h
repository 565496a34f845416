#pragma once
// Private to voice: the last seconds of a sound that comes in pieces, between two silences.
//
//   SoundBuffer sound(16000);                       // a second of zeros stands before sample 0
//   sound.append(piece);
//   const float* x = sound.at(-200);                // samples -200, -199, ... up to sound.end()
//   sound.forget_before(8000);

#include <cstdint>
#include <span>
#include <vector>

namespace kuda {

class SoundBuffer {
 public:
  explicit SoundBuffer(std::int64_t zeros_before) : samples_(std::size_t(zeros_before)), begin_(-zeros_before) {}
  void append(std::span<const float> samples) { samples_.insert(samples_.end(), samples.begin(), samples.end()); }
  void append_zeros(std::int64_t count) { samples_.resize(samples_.size() + std::size_t(count)); }
  void forget_before(std::int64_t sample);
  [[nodiscard]] std::int64_t begin() const noexcept { return begin_; }
  [[nodiscard]] std::int64_t end() const noexcept { return begin_ + std::int64_t(samples_.size()); }
  /// Pointer to a sample, begin() <= sample <= end(); good until the buffer changes.
  [[nodiscard]] const float* at(std::int64_t sample) const { return samples_.data() + (sample - begin_); }

 private:
  std::vector<float> samples_;
  std::int64_t begin_;
};

}  // namespace kuda
