#pragma once
// The fusions that Table 7 compares with the dynamic one: concatenation, tensor fusion, low-rank fusion. (Addition is
// F^0 itself; the text-centred cross-modal transformer uses the blocks of fusion.h.) Widths, rank and activations are
// not published; ours are in the constants below.

#include <torch/torch.h>

#include <memory>
#include <string>

#include "kuda/models/kuda/fusion.h"

namespace kuda::kuda_model {

/// aligned U'_m -> [B, L, D] (concatenation) or [B, 1, D] (tensor, low_rank).
class FusionVariant : public torch::nn::Module {
 public:
  using torch::nn::Module::Module;
  /// A modality that the batch lacks counts as zeros; `padding` [B, L] or undefined masks means over time.
  virtual torch::Tensor forward(const ModalityTensors& aligned, const torch::Tensor& padding) = 0;
};

/// For concatenation, tensor or low_rank; nullptr for the others.
[[nodiscard]] std::shared_ptr<FusionVariant> make_fusion_variant(const KudaConfig& config,
                                                                 const PerModality<bool>& present);

}  // namespace kuda::kuda_model
