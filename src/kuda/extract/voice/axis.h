#pragma once
// Series of other analyses laid on one time axis by time, never by index: for the same second of sound at a step of 10
// ms Praat gives 97 frames of pitch, 94 of intensity, 95 of formants and 98 of harmonicity, whose first centres lie at
// 20, 35, 30 and 15 ms.
//
//   const auto pitch_times = regular_times(0.02, 0.01, 97);
//   const Tensor on_axis = lay_on_axis(pitch, pitch_times, {.frames = 100, .frames_per_second = 100});   // [100, C]

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

namespace kuda {

enum class Between { nearest, linear };

struct TimeAxis {
  std::int64_t frames = 0;
  double frames_per_second = 100;  ///< frame i stands at i / frames_per_second seconds
};

/// first, first + step, ...: the centres of an analysis with a constant step.
[[nodiscard]] std::vector<double> regular_times(double first, double step, std::int64_t count);

/// values [F, C] float32 at `times` (F seconds that increase) -> [axis.frames, C] float32, each column by itself.
///
/// A frame of the axis sees two frames of the series: the last one at or before it and the first one behind it. Of
/// these the ones count that are no further than `reach` seconds away and not NaN. Where both do, `linear` takes the
/// value on the line between them and `nearest` that of the nearer one (of the earlier one when both are as near);
/// where one does, its value holds; where none does, the result is NaN: a gap, the time before the first frame and
/// behind the last one stay missing but for `reach` at their edges, and nothing is made up across them.
///
/// Names of things that are not numbers on a scale (a class, F0 with 0 for no voice) need `nearest`.
/// Throws ShapeError (counts that differ, not two dimensions, not float32) and DataError (times that do not increase or
/// are not finite).
[[nodiscard]] at::Tensor lay_on_axis(const at::Tensor& values, std::span<const double> times, const TimeAxis& axis,
                                     Between between = Between::linear, double reach = 0.05);

}  // namespace kuda
