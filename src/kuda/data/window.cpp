#include "kuda/data/window.h"

#include <algorithm>
#include <span>

#include "kuda/data/finite.h"

namespace kuda {
namespace {

bool is_zero_frame(const torch::Tensor& frames, std::int64_t index) {
  const auto width = frames.size(1);
  return all_zero(std::span(frames.const_data_ptr<float>() + index * width, static_cast<std::size_t>(width)));
}

/// All frames of a clip without any non-zero frame count as leading.
std::int64_t leading_zero_frames(const torch::Tensor& frames, std::int64_t at_most) {
  std::int64_t count = 0;
  while (count < at_most && (count >= frames.size(0) || is_zero_frame(frames, count))) ++count;
  return count;
}

std::int64_t end_of_nonzero_frames(const torch::Tensor& frames) {
  auto end = frames.size(0);
  while (end > 0 && is_zero_frame(frames, end - 1)) --end;
  return end;
}

}  // namespace

Window place_window(const torch::Tensor& frames, std::int64_t padded_length, std::int64_t declared, std::int64_t target,
                    MaskRule rule, bool is_aligned) {
  Window window;
  window.count = std::min(target, padded_length);
  const auto end = rule == MaskRule::nonzero ? end_of_nonzero_frames(frames) : std::min(declared, padded_length);
  if (rule == MaskRule::released || !is_aligned) {
    const auto most = rule == MaskRule::nonzero ? end : padded_length - window.count;
    window.start = leading_zero_frames(frames, most);
  }
  if (rule == MaskRule::nonzero) window.count = std::min(window.count, padded_length - window.start);
  window.valid = rule == MaskRule::released
                     ? std::min(end, window.count)  // published: not shifted with the window
                     : std::clamp<std::int64_t>(end - window.start, 1, std::max<std::int64_t>(window.count, 1));
  return window;
}

}  // namespace kuda
