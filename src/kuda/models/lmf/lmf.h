#pragma once
// LMF (Liu et al., ACL 2018): low-rank multimodal fusion.
//
//   auto model = find_model("lmf").make(config, shape, encoder);
//   const Output output = model->forward(batch, nullptr);     // score [B]

#include "kuda/models/lmf/config.h"
#include "kuda/models/model.h"
#include "kuda/nn/mean_inputs.h"

namespace kuda::lmf {

/// State names as published: {audio,video,text}_factor, fusion_weights, fusion_bias, {audio,video,text}_subnet.
class Lmf final : public Model {
 public:
  /// Throws ConfigError when no modality is present. An absent one has no factor and leaves the product as it is.
  Lmf(const LmfConfig& config, const DataShape& shape, const TextEncoder& text);
  /// Modalities that the batch lacks count as zeros.
  Output forward(const Batch& batch, Trace* trace) override;
  Losses loss(const Output& output, const Batch& batch) override;  ///< mean absolute error
  /// The factors with factor_lr, the encoders, and the fusion weights only where they are trained.
  std::vector<ParameterGroup> parameter_groups() override;
  [[nodiscard]] bool is_padding_invariant() const override;

 private:
  LmfConfig config_;
  torch::Tensor audio_factor_, video_factor_, text_factor_;  ///< [r, 1 + width, O]; undefined where absent
  torch::Tensor fusion_weights_, fusion_bias_;               ///< [1, r], [1, O]
  MeanEncoders encoders_;
};

[[nodiscard]] ModelInfo info();

}  // namespace kuda::lmf
