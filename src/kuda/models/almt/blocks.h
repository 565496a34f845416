#pragma once
// The two transformer blocks of ALMT: pre-norm self or cross attention, and the hyper-modality layer.

#include <torch/torch.h>

#include <array>
#include <cstdint>

#include "kuda/data/modality.h"
#include "kuda/tensor/linear.h"

namespace kuda::almt {

struct BlockOptions {
  std::int64_t dim = 0, num_heads = 1, head_width = 64, feed_forward = 0;
  double dropout = 0;
};

/// Multi-head attention whose heads have a width of their own. Names to_q, to_k, to_v, to_out.0; with one head as wide
/// as the block there is no to_out, as published.
class AttentionImpl : public torch::nn::Module {
 public:
  explicit AttentionImpl(const BlockOptions& options);
  /// query [B, Lq, d], key and value [B, Ls, d], padding [B, Ls] bool (true = padded) or undefined -> [B, Lq, d]
  torch::Tensor forward(const torch::Tensor& query, const torch::Tensor& key, const torch::Tensor& value,
                        const torch::Tensor& padding);

 private:
  std::int64_t num_heads_;
  double dropout_;
  Linear to_q_{nullptr}, to_k_{nullptr}, to_v_{nullptr}, to_out_{nullptr};
};
TORCH_MODULE(Attention);

/// t = Attn(LNq(t), LNk(s), LNv(s)) + t;  t = W2 gelu(W1 LN(t)) + t. Children "0" (attention) and "1" (feed-forward).
class BlockImpl : public torch::nn::Module {
 public:
  explicit BlockImpl(const BlockOptions& options);
  /// target [B, Lt, d], source [B, Ls, d] (the same tensor for self-attention), padding of the source -> [B, Lt, d]
  torch::Tensor forward(const torch::Tensor& target, const torch::Tensor& source, const torch::Tensor& padding);

 private:
  double dropout_;
  torch::nn::LayerNorm norm_q_{nullptr}, norm_k_{nullptr}, norm_v_{nullptr}, norm_{nullptr};
  Attention attention_{nullptr};
  Linear up_{nullptr}, down_{nullptr};
};
TORCH_MODULE(Block);

/// One hyper-modality layer: text asks audio and vision, the sum of what both answer goes on top of LN4(H). Published
/// quirk: the residual is the normalised H.
class HyperLayerImpl : public torch::nn::Module {
 public:
  /// Of `present`, vision and audio count; one that is absent has neither norm nor keys and adds nothing.
  HyperLayerImpl(const BlockOptions& options, const PerModality<bool>& present);
  /// scale, vision, audio, hyper [B, N, d] -> [B, N, d]; absent modalities undefined.
  torch::Tensor forward(const torch::Tensor& scale, const torch::Tensor& vision, const torch::Tensor& audio,
                        const torch::Tensor& hyper);

 private:
  std::int64_t num_heads_;
  double dropout_;
  torch::nn::LayerNorm norm_text_{nullptr}, norm_audio_{nullptr}, norm_vision_{nullptr}, norm_hyper_{nullptr};
  Linear to_q_{nullptr}, to_k_audio_{nullptr}, to_k_vision_{nullptr}, to_v_audio_{nullptr};
  Linear to_v_vision_{nullptr}, to_out_{nullptr};
};
TORCH_MODULE(HyperLayer);

}  // namespace kuda::almt
