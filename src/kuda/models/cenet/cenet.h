#pragma once
// CENet (Wang et al., IEEE TMM 2022): a text encoder whose hidden states are shifted by audio and vision before its
// second layer.
//
//   auto model = find_model("cenet").make(config, shape, encoder);
//   const Output output = model->forward(batch, nullptr);     // score [B]

#include <torch/torch.h>

#include "kuda/models/cenet/config.h"
#include "kuda/models/model.h"

namespace kuda {

/// softmax(gain (Wq h)(Wk s)^T) (Wv s): one head, no dropout. Names Wq, Wk, Wv.
class EnhancementAttentionImpl : public torch::nn::Module {
 public:
  EnhancementAttentionImpl(std::int64_t width, double gain);
  /// text [B, Lt, H], source [B, L, H], padding [B, L] bool or undefined -> [B, Lt, H]
  torch::Tensor forward(const torch::Tensor& text, const torch::Tensor& source, const torch::Tensor& padding);

 private:
  double gain_;
  torch::nn::Linear query_{nullptr}, key_{nullptr}, value_{nullptr};
};
TORCH_MODULE(EnhancementAttention);

/// The cross-modal enhancement: hidden + Linear([attended vision; attended audio]). Names visual_transform,
/// acoustic_transform, hv, ha, cat_connect.
class EnhancementImpl : public torch::nn::Module {
 public:
  EnhancementImpl(const CenetConfig& config, const DataShape& shape, std::int64_t width);
  torch::Tensor forward(const torch::Tensor& hidden, const Batch& batch, Trace* trace);  ///< [B, Lt, H] -> [B, Lt, H]

 private:
  bool mask_frames_;
  torch::nn::Sequential vision_, audio_;
  EnhancementAttention attend_vision_{nullptr}, attend_audio_{nullptr};
  torch::nn::Linear connect_{nullptr};
};
TORCH_MODULE(Enhancement);

/// State names as MMSA's: bert.*, bert.encoder.CE.*, classifier.{dense,out_proj}.
class Cenet final : public Model {
 public:
  /// Throws ConfigError unless all three modalities are present and the text encoder has two layers or more.
  Cenet(const CenetConfig& config, const DataShape& shape, const TextEncoder& text);
  Output forward(const Batch& batch, Trace* trace) override;
  Losses loss(const Output& output, const Batch& batch) override;
  std::vector<ParameterGroup> parameter_groups() override;
  [[nodiscard]] bool is_padding_invariant() const override { return !config_.reference_quirks; }

 private:
  CenetConfig config_;
  Bert bert_{nullptr};
  Enhancement enhancement_{nullptr};
  torch::nn::Linear dense_{nullptr}, score_{nullptr};
};

[[nodiscard]] ModelInfo cenet_info();

}  // namespace kuda
