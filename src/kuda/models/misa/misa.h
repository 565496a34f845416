#pragma once
// MISA (Hazarika et al., ACM Multimedia 2020): modality-invariant and -specific representations.
//
//   auto model = find_model("misa").make(config, shape, encoder);
//   const Output output = model->forward(batch, nullptr);     // score [B]

#include <array>

#include "kuda/models/misa/config.h"
#include "kuda/models/model.h"
#include "kuda/nn/transformer.h"
#include "kuda/tensor/linear.h"

namespace kuda::misa {

/// Two bidirectional recurrent layers with a layer norm between them.
struct Recurrent {
  torch::nn::LSTM lstm1{nullptr}, lstm2{nullptr};  ///< these or ...
  torch::nn::GRU gru1{nullptr}, gru2{nullptr};     ///< ... these
  torch::nn::LayerNorm norm{nullptr};
  std::int64_t width = 0;
  /// x [B, L, D], lengths [B] int64 on the CPU, at most L -> [B, 4D]: final states of layer 1 and 2 forward, then of
  /// layer 1 and 2 backward. `normalised`, if given, receives what enters layer 2, [B, max length, 2D].
  torch::Tensor forward(const torch::Tensor& x, const torch::Tensor& lengths, torch::Tensor* normalised);
};

/// Post-norm transformer layer with ReLU: names self_attn, linear1, linear2, norm1, norm2.
class FusionLayerImpl : public torch::nn::Module {
 public:
  FusionLayerImpl(std::int64_t width, double dropout);
  torch::Tensor forward(const torch::Tensor& x);  ///< [B, 6, h] -> [B, 6, h]

 private:
  double dropout_;
  SelfAttention self_attn_{nullptr};
  Linear linear1_{nullptr}, linear2_{nullptr};
  torch::nn::LayerNorm norm1_{nullptr}, norm2_{nullptr};
};
TORCH_MODULE(FusionLayer);

/// State names as published, see the README.
class Misa final : public Model {
 public:
  /// Throws ConfigError when a modality is absent or the width is odd.
  Misa(const MisaConfig& config, const DataShape& shape, const TextEncoder& text);
  /// Throws ShapeError when the batch lacks a modality or holds other widths.
  Output forward(const Batch& batch, Trace* trace) override;
  /// Mean squared error, difference, similarity, reconstruction.
  Losses loss(const Output& output, const Batch& batch) override;
  [[nodiscard]] bool is_padding_invariant() const override;
  [[nodiscard]] bool ignores_padded_pieces() const override { return true; }

 private:
  /// Everything that text, vision and audio have each, in this order (that of Modality).
  struct Part {
    Linear project{nullptr}, private_encoder{nullptr}, recon{nullptr};
    torch::nn::LayerNorm project_norm{nullptr};
  };
  torch::Tensor text_vector(const Batch& batch, Trace* trace);
  torch::Tensor sequence_vector(Recurrent& recurrent, const Sequence& sequence, const torch::Tensor& lengths,
                                const char* name, Trace* trace);
  torch::Tensor similarity(const std::array<torch::Tensor, 3>& shared, Trace* trace);

  MisaConfig config_;
  Bert bert_{nullptr};
  Recurrent vision_, audio_;
  std::array<Part, 3> parts_;
  Linear shared_{nullptr}, sp_discriminator_{nullptr};
  Linear discriminator1_{nullptr}, discriminator2_{nullptr};  ///< similarity = adversarial
  FusionLayer encoder_{nullptr};
  Linear fusion1_{nullptr}, fusion3_{nullptr};
};

[[nodiscard]] ModelInfo info();

}  // namespace kuda::misa
