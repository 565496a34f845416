#pragma once
// The core of multi-head attention, shared by BERT and the blocks of nn/.

#include <torch/torch.h>

namespace kuda {

/// [B, L, H * Dh] -> [B, H, L, Dh]
[[nodiscard]] torch::Tensor split_heads(const torch::Tensor& x, std::int64_t num_heads);
/// [B, H, L, Dh] -> [B, L, H * Dh]
[[nodiscard]] torch::Tensor merge_heads(const torch::Tensor& x);

/// softmax(q k^T / sqrt(Dh)) v.
///   query [B, H, Lq, Dh], key and value [B, H, Lk, Dh] float, padding [B, Lk] bool (true = padded) or undefined
///   -> [B, H, Lq, Dh]
/// `dropout` acts on the attention weights and is 0 outside training. `weights`, if given, receives the softmax rows
/// [B, H, Lq, Lk] before dropout. A row whose keys are all padded gives NaN: batches clamp lengths to at least 1.
/// Source: Vaswani et al. 2017, eq. 1.
[[nodiscard]] torch::Tensor attend(const torch::Tensor& query, const torch::Tensor& key, const torch::Tensor& value,
                                   const torch::Tensor& padding, double dropout, torch::Tensor* weights = nullptr);

/// The same where what is hidden depends on more than the key: `visible` bool, broadcast to [B, H, Lq, Lk], true = may
/// be read, or undefined.
[[nodiscard]] torch::Tensor attend_visible(const torch::Tensor& query, const torch::Tensor& key,
                                           const torch::Tensor& value, const torch::Tensor& visible, double dropout,
                                           torch::Tensor* weights = nullptr);

}  // namespace kuda
