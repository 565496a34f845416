#pragma once
// Stage 1 of KuDA: one modality, its encoder with knowledge adapters, and its decoder (eq. 1 to 5).
//
//   Unimodal audio = make_unimodal(Modality::audio, config, shape, text);
//   const UnimodalOutput u = run_unimodal(Modality::audio, audio, batch);     // features [B, L, 2d], prediction [B, 1]

#include <torch/torch.h>

#include <string_view>
#include <vector>

#include "kuda/models/kuda/config.h"
#include "kuda/models/kuda/trust.h"
#include "kuda/nn/transformer.h"
#include "kuda/tensor/linear.h"
#include "kuda/text/bert.h"

namespace kuda::kuda_model {

/// A bottleneck transformer with a residual, eq. 3: A(z) = up(E(down(z))) + z.
class AdapterImpl : public torch::nn::Module {
 public:
  AdapterImpl(const KudaConfig& config, std::int64_t dim);
  /// z [B, L, d], padding [B, L] bool (true = padded) -> [B, L, d]
  torch::Tensor forward(const torch::Tensor& z, const torch::Tensor& padding);

 private:
  Linear down_project_{nullptr}, up_project_{nullptr};
  TransformerEncoder tfencoder_{nullptr};
};
TORCH_MODULE(Adapter);

/// Linear(D -> d) plus a learned table of positions, then transformer layers (eq. 2).
class SequenceEncoderImpl : public torch::nn::Module {
 public:
  SequenceEncoderImpl(const KudaConfig& config, std::int64_t length, std::int64_t input_width);
  /// x [B, l, D] with l <= length -> hidden states, sequence_layers + 1 tensors [B, l, d]
  std::vector<torch::Tensor> forward(const torch::Tensor& x, const torch::Tensor& padding);

 private:
  std::int64_t length_, width_;
  Linear proj_{nullptr};
  torch::Tensor positions_;  ///< [1, length, d], starts at 0
  TransformerEncoder layers_{nullptr};
};
TORCH_MODULE(SequenceEncoder);

/// H and K of one modality from the hidden states of its encoder (eq. 1 to 4). One LayerNorm serves every use.
class KnowledgeEncoderImpl : public torch::nn::Module {
 public:
  KnowledgeEncoderImpl(const KudaConfig& config, Bert bert);                 ///< text
  KnowledgeEncoderImpl(const KudaConfig& config, SequenceEncoder sequence);  ///< vision or audio
  /// text: x [B, L] int64 ids with segments; sequences: x [B, L, D]. padding [B, L] bool -> U [B, L, 2d]
  /// (d without adapters).
  torch::Tensor forward(const torch::Tensor& x, const torch::Tensor& segments, const torch::Tensor& padding);
  [[nodiscard]] std::int64_t width() const noexcept { return width_; }  ///< d
  [[nodiscard]] std::int64_t output_width() const noexcept { return adapters_->size() > 0 ? 2 * width_ : width_; }

 private:
  void add_adapters(const KudaConfig& config, std::vector<std::int64_t> layers);
  Bert bert_{nullptr};
  SequenceEncoder sequence_{nullptr};
  std::int64_t width_;
  std::vector<std::int64_t> layers_;  ///< hidden states that feed the adapters
  torch::nn::ModuleList adapters_;
  torch::nn::LayerNorm layernorm_{nullptr};
};
TORCH_MODULE(KnowledgeEncoder);

/// Mean over time, then four linear layers with GELU between (eq. 5).
class DecoderImpl : public torch::nn::Module {
 public:
  DecoderImpl(std::int64_t input_width, std::int64_t encoder_width);
  /// mean [B, 2d] -> [B, 1]
  torch::Tensor forward(const torch::Tensor& mean) { return mlp_->forward(mean); }

 private:
  torch::nn::Sequential mlp_;
};
TORCH_MODULE(Decoder);

struct UnimodalOutput {
  torch::Tensor features;    ///< U, [B, L, 2d]
  torch::Tensor padding;     ///< [B, L] bool
  torch::Tensor prediction;  ///< y_m, [B, 1]; undefined without decoder
  torch::Tensor distance;    ///< d_m, [B, 1]; undefined without trust head
};

/// Encoder and decoder of one modality under the published names ("encoder.*", "decoder.*"), and ours ("trust.*").
class UnimodalImpl : public torch::nn::Module {
 public:
  UnimodalImpl(const KudaConfig& config, KnowledgeEncoder encoder);
  UnimodalOutput forward(const torch::Tensor& x, const torch::Tensor& segments, const torch::Tensor& padding);
  /// Called when all else is made, so that the trust head changes no other initial value.
  void add_trust() { trust_ = register_module("trust", TrustHead(output_width())); }
  /// Freezes what the paper calls external knowledge: adapters and decoder. Or lets it learn again.
  void freeze_knowledge(bool is_frozen);
  [[nodiscard]] std::int64_t output_width() const { return encoder_->output_width(); }
  [[nodiscard]] const KnowledgeEncoder& encoder() const noexcept { return encoder_; }
  [[nodiscard]] const Decoder& decoder() const noexcept { return decoder_; }  ///< empty without decoders
  [[nodiscard]] const TrustHead& trust() const noexcept { return trust_; }    ///< empty without add_trust()

 private:
  bool mask_mean_;
  KnowledgeEncoder encoder_{nullptr};
  Decoder decoder_{nullptr};
  TrustHead trust_{nullptr};
};
TORCH_MODULE(Unimodal);

/// True for names of the tensors of adapters and decoders.
[[nodiscard]] bool is_knowledge(std::string_view name);

/// The module of one modality with fresh weights; the text encoder's weights come from `text.folder` if named.
[[nodiscard]] Unimodal make_unimodal(Modality modality, const KudaConfig& config, const DataShape& shape,
                                     const TextEncoder& text);
/// Runs it on its part of a batch.
[[nodiscard]] UnimodalOutput run_unimodal(Modality modality, Unimodal& module, const Batch& batch);
/// True when the batch holds this modality.
[[nodiscard]] bool has_modality(const Batch& batch, Modality modality);

/// Mean over time of x [B, L, D], in float32; with `padding` [B, L] defined, over the positions where it is false.
[[nodiscard]] torch::Tensor mean_over_time(const torch::Tensor& x, const torch::Tensor& padding);

}  // namespace kuda::kuda_model
