#pragma once
// TETFN (Wang et al., Pattern Recognition 2023): crossmodal transformers in which audio and vision meet through text,
// with Self-MM's generated unimodal labels.
//
//   auto model = find_model("tetfn").make(config, shape, encoder);
//   const Output output = model->forward(batch, nullptr);     // score [B], unimodal scores [B] each

#include "kuda/models/multitask.h"
#include "kuda/models/tetfn/config.h"
#include "kuda/nn/crossmodal_transformer.h"

namespace kuda::tetfn {

/// All LSTM states of a modality, then a convolution over time without padding or bias. Names rnn, conv.
class StateConvolutionImpl : public torch::nn::Module {
 public:
  StateConvolutionImpl(std::int64_t input, std::int64_t hidden, std::int64_t output, std::int64_t kernel);
  /// values [B, L, D], padding [B, L] bool or undefined (states there become 0) -> [B, output, L - kernel + 1]
  torch::Tensor forward(const torch::Tensor& values, const torch::Tensor& padding);

 private:
  torch::nn::LSTM rnn_{nullptr};
  torch::nn::Conv1d conv_{nullptr};
};
TORCH_MODULE(StateConvolution);

/// upper(key, lower(query, text)): the query modality, seen through text, is looked up by the key modality.
class TextEnhancedTransformerImpl : public torch::nn::Module {
 public:
  explicit TextEnhancedTransformerImpl(CrossmodalOptions options);
  /// [B, L, D] each -> [B, length of key, D]; `lower`, if given, receives the inner output.
  torch::Tensor forward(const CrossmodalInput& query, const CrossmodalInput& key, const CrossmodalInput& text,
                        torch::Tensor* lower);

 private:
  CrossmodalTransformer lower_{nullptr}, upper_{nullptr};
};
TORCH_MODULE(TextEnhancedTransformer);

/// State names as MMSA's: text_model.model, {audio,video}_model, proj_l, trans_*, post_*_layer_{1,2,3}.
class Tetfn final : public MultitaskModel {
 public:
  Tetfn(const TetfnConfig& config, const DataShape& shape, const TextEncoder& text);
  Output forward(const Batch& batch, Trace* trace) override;
  [[nodiscard]] bool ignores_padded_pieces() const override { return !config_.reference_quirks; }

 private:
  struct Modalities {
    CrossmodalInput text, audio, vision;
  };
  Modalities encode(const Batch& batch, Trace* trace);
  /// Lengths after pooling to `target` frames (0: none) and a convolution; undefined with the published quirks.
  torch::Tensor lengths_after(const torch::Tensor& lengths, std::int64_t frames, std::int64_t target,
                              std::int64_t kernel) const;

  TetfnConfig config_;
  torch::nn::Conv1d text_conv_{nullptr};
  StateConvolution audio_{nullptr}, vision_{nullptr};
  CrossmodalTransformer text_from_audio_{nullptr}, text_from_vision_{nullptr}, audio_from_text_{nullptr},
      vision_from_text_{nullptr}, text_memory_{nullptr}, audio_memory_{nullptr}, vision_memory_{nullptr};
  TextEnhancedTransformer audio_from_vision_{nullptr}, vision_from_audio_{nullptr};
};

[[nodiscard]] ModelInfo info();

}  // namespace kuda::tetfn
