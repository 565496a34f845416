#include "kuda/nn/own_labels.h"

#include <vector>

namespace kuda {

torch::Tensor own_label_error(const PerModality<torch::Tensor>& scores, const Batch& batch) {
  std::vector<torch::Tensor> errors;
  for (const auto m : kModalities) {
    const auto& label = batch.unimodal_labels[m];
    if (!scores[m].defined() || !label.defined()) continue;
    const auto is_known = label.isnan().logical_not();
    // Zeros first: a NaN times 0 would stay NaN in the gradient.
    const auto difference = torch::where(is_known, scores[m] - label, torch::zeros_like(label));
    errors.push_back(difference.abs().sum() / is_known.sum().clamp_min(1));
  }
  return errors.empty() ? torch::zeros({}, batch.label.options()) : torch::stack(errors).mean();
}

}  // namespace kuda
