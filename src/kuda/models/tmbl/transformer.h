#pragma once
// The transformer of TMBL: two or three streams of tokens side by side, one stack of layers each.

#include <torch/torch.h>

#include <cstdint>
#include <vector>

#include "kuda/models/tmbl/config.h"
#include "kuda/tensor/linear.h"

namespace kuda::tmbl {

/// Sinusoids [1, n, d]: row p, column j has the angle p / 10000^(2 floor(j/2) / d), its sine for even j, cosine for
/// odd.
[[nodiscard]] torch::Tensor sinusoids(std::int64_t n, std::int64_t dim);

/// x = LN(drop(fc attention(q, k, v)) + q), then x = LN(drop(w_2(relu(z1) z2)) + x) with [z1 | z2] three affine maps of
/// x. Scores are scaled by the width of all heads together, as published. LN eps 1e-6.
class LayerImpl : public torch::nn::Module {
 public:
  /// Self-attention is named slf_attn_sa and has values as wide as keys; attention to another stream is slf_attn.
  LayerImpl(const TmblConfig& config, std::int64_t query_width, std::int64_t source_width, bool is_self);
  /// query [N, S, dq], key and value [N, S, dk] -> [N, S, dq]
  torch::Tensor forward(const torch::Tensor& query, const torch::Tensor& key, const torch::Tensor& value);

 private:
  torch::Tensor mixed(const torch::Tensor& x);
  bool is_reference_;
  std::int64_t heads_, key_width_;
  double dropout_;
  Linear w_q_{nullptr}, w_k_{nullptr}, w_v_{nullptr}, fc_{nullptr}, w_1_{nullptr}, w_2_{nullptr};
  torch::nn::Conv1d keep_q_k_{nullptr}, up_{nullptr}, keep_{nullptr};  ///< kernel 1
  torch::nn::LayerNorm norm_{nullptr}, feed_norm_{nullptr};
};
TORCH_MODULE(Layer);

/// Two streams of widths d1 and d2 (private part) or three of d1 = d2 (shared part).
class TransformerImpl : public torch::nn::Module {
 public:
  TransformerImpl(const TmblConfig& config, std::int64_t width1, std::int64_t width2, std::int64_t streams);
  /// Each [N, S, d_m]; positions and attention run along S.
  std::vector<torch::Tensor> forward(std::vector<torch::Tensor> streams);

 private:
  torch::Tensor start(std::size_t stream, const torch::Tensor& x);
  bool is_reference_, is_cross_;
  double dropout_;
  std::vector<torch::nn::LayerNorm> norms_;
  std::vector<std::vector<Layer>> stacks_;  ///< by stream
};
TORCH_MODULE(Transformer);

}  // namespace kuda::tmbl
