#pragma once
// Scores that a label could not have.

#include "kuda/checkpoint/checkpoint.h"

namespace kuda {

/// The score lies beyond the score range of the data that the model was trained on. A model without bounded scores
/// gives such for strong clips, by a little, and for absurd input, by anything.
[[nodiscard]] inline bool is_outside_range(const CheckpointFacts& facts, float score) noexcept {
  return score < float(facts.score_low) || score > float(facts.score_high);
}

}  // namespace kuda
