#pragma once
// The crossmodal transformer of MulT (after fairseq's encoder), under its published state-dict names: one sequence
// attends to another, or to itself, through pre-norm layers.
//
//   CrossmodalTransformer text_from_audio({.dim = 40, .num_heads = 8, .num_layers = 4, ...});
//   const Tensor x = text_from_audio->forward({text, {}}, {audio, {}});     // [B, Lt, 40]
//
// Source: Tsai et al., ACL 2019, section 3; thuiar/MMSA a94e65d and yaohungt/Multimodal-Transformer a670936.

#include <torch/torch.h>

#include <cstdint>

#include "kuda/nn/packed_projections.h"
#include "kuda/tensor/linear.h"

namespace kuda {

struct CrossmodalOptions {
  std::int64_t dim = 0, num_heads = 1, num_layers = 1;
  double dropout_attention = 0;  ///< attention weights
  double dropout_embedding = 0;  ///< scaled input, and its positions
  double dropout_relu = 0;       ///< inside the feed-forward part
  double dropout_residual = 0;   ///< both residual branches
  bool has_positions = false;    ///< sinusoidal positions on both inputs (dim >= 4)
  bool is_causal = true;         ///< query i sees key j iff j <= i + |Lk - Lq|
};

/// A padded sequence with the number of its real frames, or with `lengths` undefined: then every frame counts as real,
/// as in the published code.
struct CrossmodalInput {
  torch::Tensor values;   ///< [B, L, D] float32
  torch::Tensor lengths;  ///< [B] int64, at least 1, or undefined
};

/// Sinusoids of the positions of x [B, L, D] -> [B, L, D]: frame t has position t + 1; first half sin(p w_k), second
/// half cos(p w_k), w_k = exp(-k ln(10000) / (D/2 - 1)), and for odd D a last column of 0. With `skip_zero_frames` a
/// frame whose first channel is exactly 0 counts as padding and gets zeros; later positions do not move up.
[[nodiscard]] torch::Tensor sinusoidal_positions(const torch::Tensor& x, bool skip_zero_frames);

/// [Lq, Lk] bool, or [B, 1, Lq, Lk] where lengths are known; true = the query sees the key. Without lengths the shift
/// |Lk - Lq| of a causal mask is that of the padded lengths; with them it is that of each clip, and padded keys are
/// hidden. Undefined when everything is seen. Every query sees key 0.
[[nodiscard]] torch::Tensor crossmodal_mask(const CrossmodalInput& query, const CrossmodalInput& source,
                                            bool is_causal);

/// Multi-head attention of one sequence to another; out_proj too begins with Xavier uniform.
class PackedAttentionImpl : public PackedProjections {
 public:
  PackedAttentionImpl(std::int64_t dim, std::int64_t num_heads, double dropout);  ///< ConfigError: heads divide dim
  /// query [B, Lq, D], key and value [B, Lk, D], `visible` as crossmodal_mask gives it -> [B, Lq, D]. The same tensor
  /// as query, key and value is projected at once.
  torch::Tensor forward(const torch::Tensor& query, const torch::Tensor& key, const torch::Tensor& value,
                        const torch::Tensor& visible);
};
TORCH_MODULE(PackedAttention);

/// x += drop(attention(LN0 x, LN0 k, LN0 v)); x += drop(fc2 drop(relu(fc1 LN1 x))). LN0 serves query and source.
class CrossmodalLayerImpl : public torch::nn::Module {
 public:
  explicit CrossmodalLayerImpl(const CrossmodalOptions& options);
  /// x [B, Lq, D]; key and value [B, Lk, D], or undefined: attends to itself -> [B, Lq, D]
  torch::Tensor forward(const torch::Tensor& x, const torch::Tensor& key, const torch::Tensor& value,
                        const torch::Tensor& visible);

 private:
  double dropout_relu_, dropout_residual_;
  PackedAttention self_attn_{nullptr};
  Linear fc1_{nullptr}, fc2_{nullptr};
  torch::nn::LayerNorm query_norm_{nullptr}, feed_forward_norm_{nullptr};
};
TORCH_MODULE(CrossmodalLayer);

/// Names layers.N, layer_norm, version (a constant of the published state) and, with positions,
/// embed_positions._float_tensor (in the published state, never read).
class CrossmodalTransformerImpl : public torch::nn::Module {
 public:
  explicit CrossmodalTransformerImpl(const CrossmodalOptions& options);
  /// Inputs are scaled by sqrt(D), given positions and dropped out; the source is so prepared once and is the same for
  /// every layer, its key and value parts with dropout masks of their own. -> [B, Lq, D], after the last norm.
  /// `first_layer`, if given, receives the output of layer 0.
  torch::Tensor forward(const CrossmodalInput& query, const CrossmodalInput& source,
                        torch::Tensor* first_layer = nullptr);
  /// Self-attention.
  torch::Tensor forward(const CrossmodalInput& x);

 private:
  torch::Tensor embed(const CrossmodalInput& input) const;
  CrossmodalOptions options_;
  torch::nn::ModuleList layers_;
  torch::nn::LayerNorm layer_norm_{nullptr};
};
TORCH_MODULE(CrossmodalTransformer);

}  // namespace kuda
