#pragma once
// What a predictor scores that never looks at a clip: every table shows these beside the model.
//
//   const Metrics floor = majority_baseline(family, train_labels, test_labels);

#include <span>

#include "kuda/metrics/metrics.h"

namespace kuda {

/// Every clip gets the mean of the training labels. Labels that are NaN (unknown) are left out of the mean.
/// Throws DataError without known training labels, and as evaluate_metrics does.
[[nodiscard]] Metrics mean_baseline(MetricFamily family, std::span<const float> train_labels,
                                    std::span<const float> labels);

/// For each accuracy and F1 every clip gets the class that is most frequent among the training labels under that very
/// metric (of two equal ones the lower); for MAE the median of the training labels. Corr is undefined (NaN).
[[nodiscard]] Metrics majority_baseline(MetricFamily family, std::span<const float> train_labels,
                                        std::span<const float> labels);

}  // namespace kuda
