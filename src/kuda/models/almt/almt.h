#pragma once
// ALMT (Zhang et al., EMNLP 2023): language-guided learning of an adaptive hyper-modality.
//
//   auto model = find_model("almt").make(config, shape, encoder);
//   const Output output = model->forward(batch, nullptr);     // score [B]

#include <array>
#include <vector>

#include "kuda/models/almt/blocks.h"
#include "kuda/models/almt/config.h"
#include "kuda/models/model.h"
#include "kuda/tensor/linear.h"

namespace kuda::almt {

/// Learned tokens in front of a sequence, positions, blocks: the first N outputs stand for the modality.
class CompressionImpl : public torch::nn::Module {
 public:
  CompressionImpl(const AlmtConfig& config, std::int64_t input_width, std::int64_t max_length);
  /// x [B, n, D] with n <= max_length, padding [B, n] bool or undefined -> [B, N, d]. `name` under which the whole
  /// output [B, N' + n, d] is kept. Throws ShapeError for another width or more frames.
  torch::Tensor forward(const torch::Tensor& x, const torch::Tensor& padding, const char* name, Trace* trace);

 private:
  std::int64_t width_, max_length_, kept_;
  double dropout_;
  Linear project_{nullptr};
  torch::Tensor positions_, tokens_;  ///< [1, max_length + N', d], [1, N', d]
  std::vector<Block> blocks_;
};
TORCH_MODULE(Compression);

/// State names as published: h_hyper, bertmodel.model, proj_{l,a,v}, l_encoder, h_hyper_layer, fusion_layer,
/// regression_layer.0.
class Almt final : public Model {
 public:
  /// Throws ConfigError when options contradict each other, or without text or with neither vision nor audio.
  Almt(const AlmtConfig& config, const DataShape& shape, const TextEncoder& text);
  Output forward(const Batch& batch, Trace* trace) override;
  Losses loss(const Output& output, const Batch& batch) override;  ///< mean squared error
  [[nodiscard]] bool is_padding_invariant() const override { return config_.mask_padding; }

 private:
  AlmtConfig config_;
  PerModality<bool> present_;
  torch::Tensor hyper_, text_positions_, source_positions_, target_positions_, class_token_;
  Bert bert_{nullptr};
  PerModality<Compression> compression_{nullptr, nullptr, nullptr};
  std::vector<Block> scales_, fusion_;
  std::vector<HyperLayer> hyper_layers_;
  Linear output_{nullptr};
};

[[nodiscard]] ModelInfo info();

}  // namespace kuda::almt
