#pragma once
// A fixed predictor that knows the rule but sees only the inputs: its error bounds the Bayes error from above.

#include "kuda/data/synth/synth_frames.h"
#include "kuda/data/synth/synth_rule.h"
#include "kuda/data/synth/synth_text.h"

namespace kuda {

/// Most probable deal of roles, shrunken sentiments, then equation 2; a score on the grid of the data set.
[[nodiscard]] float decode_score(const SynthRule& rule, const TextEvidence& text, const FrameEvidence& vision,
                                 const FrameEvidence& audio);

}  // namespace kuda
