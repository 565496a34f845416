#pragma once
// Which frames of a padded clip a batch shows, and which of them are padding.
// Rules and their facts: golden/common/truncate_mask; KuDA's data loader (released), docs/data-formats.md.

#include <torch/torch.h>

#include <cstdint>

#include "kuda/data/data_config.h"

namespace kuda {

/// Frames [start, start + count) of the padded clip; the first `valid` of them are not padding.
struct Window {
  std::int64_t start = 0, count = 0, valid = 0;
};

/// frames [S, D] float32, cleaned: the stored frames of a clip whose padded length is `padded_length` (the rest is
/// zero); `declared`: its length; `target`: frames wanted. count = min(target, padded_length): nothing is padded here.
///   released  skips leading all-zero frames, at most padded_length - target of them, and keeps `target`; the mask is
///             declared and does not follow the skipped frames; a declared length of 0 gives valid = 0
///   sound     the same frames; valid = clamp(min(declared, padded_length) - start, 1, count)
///   nonzero   starts at the first non-zero frame and is valid up to the last one (at least 1)
/// Where the modalities share one time axis (`is_aligned`) sound and nonzero skip nothing.
[[nodiscard]] Window place_window(const torch::Tensor& frames, std::int64_t padded_length, std::int64_t declared,
                                  std::int64_t target, MaskRule rule, bool is_aligned = false);

}  // namespace kuda
