#include "kuda/tensor/attention.h"

#include <cmath>
#include <limits>

#include "kuda/tensor/dropout.h"
#include "kuda/tensor/dropout_attention.h"

namespace kuda {

torch::Tensor split_heads(const torch::Tensor& x, std::int64_t num_heads) {
  return x.unflatten(-1, {num_heads, x.size(-1) / num_heads}).transpose(1, 2);
}

torch::Tensor merge_heads(const torch::Tensor& x) { return x.transpose(1, 2).flatten(2); }

torch::Tensor attend_visible(const torch::Tensor& query, const torch::Tensor& key, const torch::Tensor& value,
                             const torch::Tensor& visible, double dropout, torch::Tensor* weights) {
  if (weights == nullptr && dropout == 0) {
    // Fused on CPU and GPU; with dropout LibTorch would silently take its slow path, so that case is written out.
    const auto keep = visible.defined() ? std::optional<torch::Tensor>(visible) : std::nullopt;
    return at::scaled_dot_product_attention(query, key, value, keep);
  }
  if (weights == nullptr && has_dropout_attention(query, key, value, visible, dropout))
    return dropout_attention(query, key, value, visible, dropout);
  auto score = (query * (1 / std::sqrt(static_cast<double>(query.size(-1))))).matmul(key.transpose(2, 3));
  if (visible.defined()) score = score.masked_fill(visible.logical_not(), -std::numeric_limits<double>::infinity());
  auto attention = score.softmax(-1);  // [B, H, Lq, Lk]
  if (weights != nullptr) *weights = attention;
  return hash_dropout(attention, dropout, dropout > 0).matmul(value);
}

torch::Tensor attend(const torch::Tensor& query, const torch::Tensor& key, const torch::Tensor& value,
                     const torch::Tensor& padding, double dropout, torch::Tensor* weights) {
  const auto visible = padding.defined() ? padding.logical_not().unsqueeze(1).unsqueeze(1) : padding;  // [B, 1, 1, Lk]
  return attend_visible(query, key, value, visible, dropout, weights);
}

}  // namespace kuda
