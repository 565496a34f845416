#pragma once
// Attention with dropout in training, without its [B, H, Lq, Lk] matrices in memory.

#include <torch/torch.h>

namespace kuda {

/// dropout(softmax(q k^T / sqrt(Dh))) v, for training on the CPU: one head of one clip at a time, in parts that stay in
/// the processor's cache; the gradient computes the weights again in place of keeping them. The mask is that of
/// hash_dropout of the whole matrix of weights, so the result is that of the written-out form up to rounding.
///   query [B, H, Lq, Dh], key and value [B, H, Lk, Dh] float32, visible bool, broadcast to [B, H, Lq, Lk], with a true
///   in each row, or undefined; rate in (0, 1) -> [B, H, Lq, Dh], its memory laid out as [B, Lq, H, Dh]
/// LibTorch's own fused kernel takes no dropout on the CPU. Idea: Dao et al. 2022, "FlashAttention", section 3.1,
/// without its blocks of keys: the rows of a clip fit.
[[nodiscard]] torch::Tensor dropout_attention(const torch::Tensor& query, const torch::Tensor& key,
                                              const torch::Tensor& value, const torch::Tensor& visible, double rate);

/// Whether dropout_attention takes these.
[[nodiscard]] bool has_dropout_attention(const torch::Tensor& query, const torch::Tensor& key,
                                         const torch::Tensor& value, const torch::Tensor& visible, double rate);

}  // namespace kuda
