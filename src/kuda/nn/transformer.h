#pragma once
// The post-norm transformer encoder layer of torch.nn, batch first, under torch's state-dict names.

#include <torch/torch.h>

#include <cstdint>

#include "kuda/nn/packed_projections.h"
#include "kuda/tensor/linear.h"
#include "kuda/tensor/positions.h"

namespace kuda {

struct TransformerEncoderLayerOptions {
  std::int64_t dim = 0, num_heads = 1, feed_forward = 0;
  double dropout = 0;  ///< attention weights, both residual branches, inside the feed-forward
};

/// Multi-head self-attention.
class SelfAttentionImpl : public PackedProjections, public HasPreparedWeight {
 public:
  using PackedProjections::PackedProjections;
  /// x [B, L, D] float, positions: its padding [B, L] bool (true = padded) or undefined -> [B, L, D]; or both packed
  torch::Tensor forward(const torch::Tensor& x, const Positions& positions);
  void prepare(Precision precision) override;  ///< the packed projections
};
TORCH_MODULE(SelfAttention);

/// x = LN1(x + drop(attention(x))); x = LN2(x + drop(W2 drop(gelu(W1 x)))), exact GELU, LN eps 1e-5.
class TransformerEncoderLayerImpl : public torch::nn::Module {
 public:
  explicit TransformerEncoderLayerImpl(const TransformerEncoderLayerOptions& options);
  /// x [B, L, D] float, positions: its padding [B, L] bool (true = padded) or undefined -> [B, L, D]; or both packed
  torch::Tensor forward(const torch::Tensor& x, const Positions& positions);

 private:
  double dropout_;
  SelfAttention self_attn_{nullptr};
  Linear linear1_{nullptr}, linear2_{nullptr};
  torch::nn::LayerNorm norm1_{nullptr}, norm2_{nullptr};
};
TORCH_MODULE(TransformerEncoderLayer);

/// A stack named "layers" that returns every hidden state. All layers start from the same values, as torch's own
/// encoder does (it deep-copies one layer).
class TransformerEncoderImpl : public torch::nn::Module, public SkipsPadding {
 public:
  TransformerEncoderImpl(const TransformerEncoderLayerOptions& options, std::int64_t num_layers);
  /// x [B, L, D], padding [B, L] or undefined -> num_layers + 1 tensors [B, L, D], the first is x itself.
  std::vector<torch::Tensor> forward(const torch::Tensor& x, const torch::Tensor& padding);

 private:
  torch::nn::ModuleList layers_;
};
TORCH_MODULE(TransformerEncoder);

/// Copies parameters and buffers of `source` into `target`, a module of the same structure: what deepcopy gives.
void copy_state(const torch::nn::Module& source, torch::nn::Module& target);

}  // namespace kuda
