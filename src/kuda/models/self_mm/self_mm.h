#pragma once
// Self-MM (Yu et al., AAAI 2021): late fusion with four heads, three of which learn labels generated while training.
//
//   auto model = find_model("self_mm").make(config, shape, encoder);
//   const Output output = model->forward(batch, nullptr);     // score [B], unimodal scores [B] each

#include "kuda/models/multitask.h"
#include "kuda/models/self_mm/config.h"
#include "kuda/tensor/linear.h"

namespace kuda::self_mm {

/// The last LSTM state of a modality, dropout, linear. Names rnn, linear_1; published name: AuViSubNet.
class LastStateEncoderImpl : public torch::nn::Module {
 public:
  LastStateEncoderImpl(std::int64_t input, std::int64_t hidden, std::int64_t output, double dropout);
  /// values [B, L, D], lengths [B] -> [B, output]; the state [B, hidden] goes to `trace` under `name`_rnn_h.
  torch::Tensor forward(const torch::Tensor& values, const torch::Tensor& lengths, const char* name, Trace* trace);

 private:
  double dropout_;
  torch::nn::LSTM rnn_{nullptr};
  Linear linear_{nullptr};
};
TORCH_MODULE(LastStateEncoder);

/// State names as published: text_model.model, audio_model, video_model, post_{fusion,text,audio,video}_layer_{1,2,3}.
class SelfMm final : public MultitaskModel {
 public:
  SelfMm(const SelfMmConfig& config, const DataShape& shape, const TextEncoder& text);
  Output forward(const Batch& batch, Trace* trace) override;
  [[nodiscard]] bool is_padding_invariant() const override { return true; }

 private:
  SelfMmConfig config_;
  LastStateEncoder audio_{nullptr}, vision_{nullptr};
};

[[nodiscard]] ModelInfo info();

}  // namespace kuda::self_mm
