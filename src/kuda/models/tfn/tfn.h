#pragma once
// TFN (Zadeh et al., EMNLP 2017): tensor fusion network.
//
//   auto model = find_model("tfn").make(config, shape, encoder);
//   const Output output = model->forward(batch, nullptr);     // score [B]

#include "kuda/models/model.h"
#include "kuda/models/tfn/config.h"
#include "kuda/nn/mean_inputs.h"
#include "kuda/tensor/linear.h"

namespace kuda::tfn {

/// State names as published: audio_subnet, video_subnet, text_subnet, post_fusion_layer_{1,2,3}.
class Tfn final : public Model {
 public:
  /// Throws ConfigError when no modality is present. An absent one enters the product as the leading 1 alone.
  Tfn(const TfnConfig& config, const DataShape& shape, const TextEncoder& text);
  /// Modalities that the batch lacks count as zeros.
  Output forward(const Batch& batch, Trace* trace) override;
  Losses loss(const Output& output, const Batch& batch) override;  ///< mean absolute error
  [[nodiscard]] bool is_padding_invariant() const override;

 private:
  TfnConfig config_;
  torch::Tensor output_range_, output_shift_;  ///< [1] each; in the published state, never trained
  MeanEncoders encoders_;
  Linear post_fusion_1_{nullptr}, post_fusion_2_{nullptr}, post_fusion_3_{nullptr};
};

[[nodiscard]] ModelInfo info();

}  // namespace kuda::tfn
