#include "kuda/nn/crossmodal_transformer.h"

#include <ATen/OpMathType.h>
#include <fmt/format.h>

#include <cmath>

#include "kuda/base/error.h"
#include "kuda/tensor/attention.h"
#include "kuda/tensor/dropout.h"
#include "kuda/tensor/products.h"
#include "kuda/tensor/register_at.h"

namespace kuda {

using torch::Tensor;
namespace nn = torch::nn;

Tensor sinusoidal_positions(const Tensor& x, bool skip_zero_frames) {
  const auto length = x.size(1), dim = x.size(2), half = dim / 2;
  // Angles need more digits than bfloat16 has.
  const auto floats = x.options().dtype(at::toOpMathType(x.scalar_type())).requires_grad(false);
  const auto frequency = (torch::arange(half, floats) * (-std::log(10000.0) / double(half - 1))).exp();  // [D/2]
  const auto angle = torch::arange(1, length + 1, floats).unsqueeze(1) * frequency.unsqueeze(0);         // [L, D/2]
  auto table = torch::cat({angle.sin(), angle.cos()}, 1);                                                // [L, D]
  if (dim % 2 == 1) table = torch::cat({table, torch::zeros({length, 1}, floats)}, 1);
  const auto positions = table.unsqueeze(0).expand_as(x);  // [B, L, D]
  return skip_zero_frames ? positions.masked_fill((x.select(2, 0) == 0).unsqueeze(-1), 0) : positions;
}

Tensor crossmodal_mask(const CrossmodalInput& query, const CrossmodalInput& source, bool is_causal) {
  const auto num_queries = query.values.size(1), num_keys = source.values.size(1);
  const auto integers = torch::TensorOptions(torch::kInt64).device(query.values.device());
  const auto i = torch::arange(num_queries, integers).unsqueeze(1);  // [Lq, 1]
  const auto j = torch::arange(num_keys, integers).unsqueeze(0);     // [1, Lk]
  if (!source.lengths.defined()) return is_causal ? j <= i + std::abs(num_keys - num_queries) : Tensor();
  const auto real_keys = source.lengths.view({-1, 1, 1, 1});  // [B, 1, 1, 1]
  const auto is_real = j < real_keys;                         // [B, 1, 1, Lk]
  if (!is_causal) return is_real;
  const auto shift = (real_keys - query.lengths.view({-1, 1, 1, 1})).abs();
  return is_real.logical_and(j <= i + shift);  // [B, 1, Lq, Lk]
}

PackedAttentionImpl::PackedAttentionImpl(std::int64_t dim, std::int64_t num_heads, double dropout)
    : PackedProjections(dim, num_heads, dropout) {
  nn::init::xavier_uniform_(out_proj_->weight);
}

Tensor PackedAttentionImpl::forward(const Tensor& query, const Tensor& key, const Tensor& value,
                                    const Tensor& visible) {
  const auto dim = query.size(2);
  const auto project = [&](const Tensor& x, std::int64_t first, std::int64_t count) {
    return linear_product(x, in_proj_weight_.slice(0, first * dim, (first + count) * dim),
                          in_proj_bias_.slice(0, first * dim, (first + count) * dim))
        .chunk(count, -1);
  };
  const bool is_self = key.is_same(query) && value.is_same(query), is_shared = key.is_same(value);
  const auto packed = is_self ? project(query, 0, 3) : project(query, 0, 1);
  const auto key_value = is_self || !is_shared ? packed : project(key, 1, 2);
  const auto q = split_heads(packed[0], num_heads_);  // [B, H, Lq, D/H]
  const auto k = split_heads(is_self ? packed[1] : is_shared ? key_value[0] : project(key, 1, 1)[0], num_heads_);
  const auto v = split_heads(is_self ? packed[2] : is_shared ? key_value[1] : project(value, 2, 1)[0], num_heads_);
  return out_proj_(merge_heads(attend_visible(q, k, v, visible, is_training() ? dropout_ : 0)));
}

CrossmodalLayerImpl::CrossmodalLayerImpl(const CrossmodalOptions& options)
    : dropout_relu_(options.dropout_relu), dropout_residual_(options.dropout_residual) {
  const auto dim = options.dim;
  self_attn_ = register_module("self_attn", PackedAttention(dim, options.num_heads, options.dropout_attention));
  fc1_ = register_module("fc1", Linear(dim, 4 * dim));
  fc2_ = register_module("fc2", Linear(4 * dim, dim));
  for (const auto& linear : {fc1_, fc2_}) {
    nn::init::xavier_uniform_(linear->weight);
    nn::init::zeros_(linear->bias);
  }
  query_norm_ = nn::LayerNorm(nn::LayerNormOptions({dim}));
  feed_forward_norm_ = nn::LayerNorm(nn::LayerNormOptions({dim}));
  register_module("layer_norms", nn::ModuleList(query_norm_, feed_forward_norm_));
}

Tensor CrossmodalLayerImpl::forward(const Tensor& x, const Tensor& key, const Tensor& value, const Tensor& visible) {
  const auto drop = [&](const Tensor& y) { return hash_dropout(y, dropout_residual_, is_training()); };
  const auto query = query_norm_(x);  // [B, Lq, D]
  const auto k = key.defined() ? query_norm_(key) : query;
  const auto v = !key.defined() || value.is_same(key) ? k : query_norm_(value);
  const auto attended = x + drop(self_attn_(query, k, v, visible));
  const auto inner = hash_dropout(torch::relu(fc1_(feed_forward_norm_(attended))), dropout_relu_, is_training());
  return attended + drop(fc2_(inner));
}

CrossmodalTransformerImpl::CrossmodalTransformerImpl(const CrossmodalOptions& options) : options_(options) {
  if (options.has_positions && options.dim < 4)
    throw ConfigError(
        fmt::format("crossmodal transformer: positions need a width of at least 4, found {}", options.dim));
  register_buffer("version", torch::full({1}, 2.0F));
  register_module("layers", layers_);
  for (std::int64_t i = 0; i < options.num_layers; ++i) layers_->push_back(CrossmodalLayer(options));
  layer_norm_ = register_module("layer_norm", nn::LayerNorm(nn::LayerNormOptions({options.dim})));
  if (options.has_positions) module_at(*this, "embed_positions").register_buffer("_float_tensor", torch::zeros({1}));
}

Tensor CrossmodalTransformerImpl::embed(const CrossmodalInput& input) const {
  const auto scaled = input.values * std::sqrt(double(options_.dim));  // [B, L, D]
  return options_.has_positions ? scaled + sinusoidal_positions(input.values, !input.lengths.defined()) : scaled;
}

Tensor CrossmodalTransformerImpl::forward(const CrossmodalInput& query, const CrossmodalInput& source,
                                          Tensor* first_layer) {
  const auto drop = [&](const Tensor& y) { return hash_dropout(y, options_.dropout_embedding, is_training()); };
  const bool is_self = source.values.is_same(query.values);
  const auto visible = crossmodal_mask(query, source, options_.is_causal);
  auto x = drop(embed(query));
  Tensor key, value;
  if (!is_self) {
    const auto embedded = embed(source);
    key = drop(embedded);
    value = key.is_same(embedded) ? key : drop(embedded);  // without dropout they are one tensor
  }
  for (std::size_t i = 0; i < layers_->size(); ++i) {
    x = layers_[i]->as<CrossmodalLayer>()->forward(x, key, value, visible);
    if (i == 0 && first_layer != nullptr) *first_layer = x;
  }
  return layer_norm_(x);
}

Tensor CrossmodalTransformerImpl::forward(const CrossmodalInput& x) { return forward(x, x); }

}  // namespace kuda
