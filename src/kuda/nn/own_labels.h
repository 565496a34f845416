#pragma once
// The labels that each modality has of its own (CH-SIMS), as an additional loss: a control for comparisons with models
// that see these labels. Ours; no published model here has it in this form.

#include <torch/torch.h>

#include "kuda/data/batch.h"

namespace kuda {

/// Mean over the modalities of the mean absolute error of scores [B] against the clip's own labels, each over the clips
/// that have one. A scalar; 0 where there is no label or no score.
[[nodiscard]] torch::Tensor own_label_error(const PerModality<torch::Tensor>& scores, const Batch& batch);

}  // namespace kuda
