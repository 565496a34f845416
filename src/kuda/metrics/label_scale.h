#pragma once
// Labels on a scale for which a metric of the family says nothing: 0 and 1, 1 to 5, 0 to 100. No LibTorch.
//
//   const std::string problem = off_scale(MetricFamily::mosi, labels);
//   if (!problem.empty()) log_warning("{}", problem);

#include <span>
#include <string>

#include "kuda/metrics/metrics.h"

namespace kuda {

/// Which metrics of the family say nothing of these labels, and why; "" where all do. NaN is an unknown label.
///   Acc-2 and F1 need labels on both sides of their border (mosi: < 0 against >= 0, and < 0 against > 0; sims: <= 0
///   against > 0); the others need most labels inside the range of the family, beyond which all are one class.
[[nodiscard]] std::string off_scale(MetricFamily family, std::span<const float> labels);

/// What to do about it, for people.
inline constexpr const char* kScaleHint =
    "map the labels to the family's scale first, for example 0 and 1 to -1 and 1, 1 to 5 by (x - 3) / 2 "
    "(docs/metrics.md, Labels on another scale)";

}  // namespace kuda
