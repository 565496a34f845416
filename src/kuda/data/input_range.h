#pragma once
// How large the numbers of a data set are, and which input is far from that.
//
//   const auto largest = largest_inputs(dataset);                  // of training clips
//   if (is_far(frames, largest.audio)) use("nothing in training was like that");

#include <span>

#include "kuda/data/dataset.h"

namespace kuda {

/// The largest absolute value of each modality's stored frames in the training clips, NaN and infinities aside; 0 where
/// there is none. Reads every training frame once.
[[nodiscard]] PerModality<float> largest_inputs(const Dataset& dataset);

/// Some finite value is more than ten times as large as any in training: another unit, another extractor, a fault. One
/// number a modality cannot see what is absurd for one feature and usual for another.
/// `largest` 0 is unknown, and then nothing is far.
[[nodiscard]] bool is_far(std::span<const float> frames, float largest) noexcept;

/// Frames of one clip of a data set.
[[nodiscard]] std::span<const float> frames_of_clip(const Feature& feature, std::int64_t row);

}  // namespace kuda
