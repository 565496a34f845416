#pragma once
// Metrics of a three-class classifier (negative, neutral, positive), as MMSA reports them for classification runs.

#include <span>

#include "kuda/metrics/metrics.h"

namespace kuda {

/// logits: n rows of 3 (negative, neutral, positive), row by row; labels: n of 0, 1, 2.
///   Acc_3, F1_score_3 (weighted by label counts), macro_F1_score_3
///   Has0_acc_2, Has0_F1_score: positive against the rest by the logits 0 and 2, all clips
///   Non0_acc_2, Non0_F1_score: positive against negative, clips that are not neutral (NaN without any)
///   legacy_Non0_acc_2, legacy_Non0_F1_score: as published, where a predicted positive is called 1 and a true one 2
/// Of equal logits the first wins. Throws DataError when sizes do not fit, n = 0 or a label is none of 0, 1, 2.
[[nodiscard]] Metrics evaluate_classification(std::span<const float> logits, std::span<const int> labels);

}  // namespace kuda
