#include "kuda/extract/voice/sound_buffer.h"

namespace kuda {

void SoundBuffer::forget_before(std::int64_t sample) {
  const std::int64_t count = sample - begin_;
  // Moving what stays costs its length: only when as much can go.
  if (count < std::int64_t(samples_.size()) / 2) return;
  samples_.erase(samples_.begin(), samples_.begin() + count);
  begin_ = sample;
}

}  // namespace kuda
