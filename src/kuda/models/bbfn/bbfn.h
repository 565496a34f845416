#pragma once
// BBFN (Han et al., ICMI 2021): two bimodal fusions, text with audio and text with vision, that control how much the
// modalities of a pair come to resemble each other.
//
//   auto model = find_model("bbfn").make(config, shape, encoder);
//   const Output output = model->forward(batch, nullptr);     // score [B]

#include <array>

#include "kuda/models/bbfn/blocks.h"
#include "kuda/models/bbfn/config.h"
#include "kuda/models/model.h"
#include "kuda/tensor/linear.h"

namespace kuda::bbfn {

/// State names as published: embedding, SequenceEncoder, modal_interaction.{la,lv}, proj1, proj2, out_layer.
class Bbfn final : public Model {
 public:
  /// Throws ConfigError when options contradict each other, or without text or with neither vision nor audio.
  Bbfn(const BbfnConfig& config, const DataShape& shape, const TextEncoder& text);
  Output forward(const Batch& batch, Trace* trace) override;       ///< term "discriminator"
  Losses loss(const Output& output, const Batch& batch) override;  ///< MSE + lambda * discriminator
  /// With frames pooled to the word pieces every later block masks the padded ones; a convolution reads beyond the
  /// last.
  [[nodiscard]] bool ignores_padded_pieces() const override {
    return config_.align == BbfnConfig::Align::pool && config_.encoder != BbfnConfig::Encoder::cnn;
  }
  /// With RNN encoders: the published class holds their output layers in a Sequential as well.
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> listed_twice() const override;

 private:
  Positions positions(const Batch& batch) const;
  /// x [B, L, D] as long as the text. Throws ShapeError where words and frames do not fit.
  torch::Tensor aligned(const torch::Tensor& x, std::int64_t text_length) const;

  BbfnConfig config_;
  PerModality<bool> present_;
  Bert bert_{nullptr};
  torch::nn::Embedding embedding_{nullptr};
  Encoder text_, vision_, audio_;
  Pair with_vision_{nullptr}, with_audio_{nullptr};
  Linear proj1_{nullptr}, proj2_{nullptr}, output_{nullptr};
};

[[nodiscard]] ModelInfo info();

}  // namespace kuda::bbfn
