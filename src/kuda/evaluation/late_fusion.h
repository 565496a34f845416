#pragma once
// The baseline that joins scores of single modalities after the fact.

#include <string>
#include <vector>

#include "kuda/checkpoint/predictions.h"

namespace kuda {

struct LateFusion {
  std::vector<float> scores;  ///< one per clip; empty where the model gives fewer than two unimodal scores
  std::string method;         ///< "least squares" or "their mean"
};

/// Scores of `clips` from their unimodal scores: weights and an offset by least squares on the validation clips, or the
/// plain mean where these are fewer than five per weight. Only modalities that every clip has a score of are used.
[[nodiscard]] LateFusion fuse_late(const std::vector<Prediction>& valid, const std::vector<Prediction>& clips);

}  // namespace kuda
