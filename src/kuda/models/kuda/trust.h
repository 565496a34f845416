#pragma once
// How far a modality's sentiment is from the clip's, predicted from the modality alone: what makes the ratio of eq. 6
// known where there is no label. Ours, not the paper's (README: "A ratio that acts in tests").
//
//   TrustHead trust(2 * d);
//   const auto distance = trust(features, padding);                 // d_m [B, 1], of each modality
//   const auto ratio = ratio_of(config, distances, missing);        // R_m [B, 1, 1] each, with sum 1

#include <torch/torch.h>

#include <cstdint>
#include <string>

#include "kuda/data/batch.h"
#include "kuda/models/kuda/config.h"
#include "kuda/tensor/linear.h"

namespace kuda::kuda_model {

/// A tensor per modality; undefined where the modality is absent.
using ModalityTensors = PerModality<torch::Tensor>;

/// d = softplus(W2 gelu(W1 p)), p = [mean over time of U; sum over time of a U], a = softmax over time of w U + b.
class TrustHeadImpl : public torch::nn::Module {
 public:
  explicit TrustHeadImpl(std::int64_t input_width);
  /// features [B, L, D], padding [B, L] bool (true = padded; at least one position of a clip is not) -> [B, 1] float32,
  /// in units of the label, at least 0. Padded positions do not count.
  torch::Tensor forward(const torch::Tensor& features, const torch::Tensor& padding);

 private:
  Linear attention_{nullptr}, hidden_{nullptr}, distance_{nullptr};
};
TORCH_MODULE(TrustHead);

/// R_m = phi(d_m) over its sum, [B, 1, 1] for each distance [B, 1] that is defined; their sign does not count.
/// `missing` [B] bool, each defined or none: R is 0 where the clip lacks the modality, unless it lacks all.
[[nodiscard]] ModalityTensors ratio_of(const KudaConfig& config, const ModalityTensors& distances,
                                       const ModalityTensors& missing = {});

/// "distance/T": the name of a trust head's output [B] among the terms that a loss needs.
[[nodiscard]] std::string distance_term(Modality modality);

/// What the trust head of a modality gets wrong: the mean over the clips of |d - t|, distance and prediction [B]; with
/// kuda.trust_loss = "likelihood" the negative log-likelihood of t under N(0, d^2 + 1/k^2), but for a constant.
/// t = |own label - multimodal label|, or |prediction - multimodal label| where kuda.trust_target says so and where the
/// own label is unknown. Where the batch has a held-out score, it takes the prediction's place: a decoder is nearer to
/// the clips it was trained on than to others. No gradient reaches the prediction. Clips of unknown label count as no
/// error.
[[nodiscard]] torch::Tensor trust_error(const KudaConfig& config, const torch::Tensor& distance,
                                        const torch::Tensor& prediction, const Batch& batch, Modality modality);

}  // namespace kuda::kuda_model
