#include "kuda/nn/transformer.h"

#include "kuda/tensor/dropout.h"
#include "kuda/tensor/products.h"

namespace kuda {

using torch::Tensor;
namespace nn = torch::nn;

Tensor SelfAttentionImpl::forward(const Tensor& x, const Positions& positions) {
  const auto all =
      prepared_.is_made() ? prepared_.multiply(x) : linear_product(x, in_proj_weight_, in_proj_bias_);  // [B, L, 3D]
  const auto qkv = all.chunk(3, -1);
  return out_proj_(positions.attend(qkv[0], qkv[1], qkv[2], num_heads_, is_training() ? dropout_ : 0));
}

void SelfAttentionImpl::prepare(Precision precision) { prepared_.take(in_proj_weight_, in_proj_bias_, precision); }

TransformerEncoderLayerImpl::TransformerEncoderLayerImpl(const TransformerEncoderLayerOptions& options)
    : dropout_(options.dropout) {
  self_attn_ = register_module("self_attn", SelfAttention(options.dim, options.num_heads, options.dropout));
  linear1_ = register_module("linear1", Linear(options.dim, options.feed_forward));
  linear2_ = register_module("linear2", Linear(options.feed_forward, options.dim));
  norm1_ = register_module("norm1", nn::LayerNorm(nn::LayerNormOptions({options.dim})));
  norm2_ = register_module("norm2", nn::LayerNorm(nn::LayerNormOptions({options.dim})));
}

Tensor TransformerEncoderLayerImpl::forward(const Tensor& x, const Positions& positions) {
  const auto drop = [&](const Tensor& y) { return hash_dropout(y, dropout_, is_training()); };
  const auto attended = norm1_(x + drop(self_attn_(x, positions)));                 // [B, L, D]
  return norm2_(attended + drop(linear2_(drop(torch::gelu(linear1_(attended))))));  // [B, L, D]
}

TransformerEncoderImpl::TransformerEncoderImpl(const TransformerEncoderLayerOptions& options, std::int64_t num_layers) {
  register_module("layers", layers_);
  for (std::int64_t i = 0; i < num_layers; ++i) {
    layers_->push_back(TransformerEncoderLayer(options));
    if (i > 0) copy_state(*layers_[0], *layers_[static_cast<std::size_t>(i)]);
  }
}

std::vector<Tensor> TransformerEncoderImpl::forward(const Tensor& x, const Tensor& padding) {
  std::vector<Tensor> hidden{x};
  const auto at = positions(padding);
  auto packed = at.pack(x);
  for (const auto& layer : *layers_) {
    packed = layer->as<TransformerEncoderLayer>()->forward(packed, at);
    hidden.push_back(at.unpack(packed));
  }
  return hidden;
}

void copy_state(const nn::Module& source, nn::Module& target) {
  const torch::NoGradGuard no_grad;
  auto parameters = target.named_parameters();
  for (const auto& item : source.named_parameters()) parameters[item.key()].copy_(item.value());
  auto buffers = target.named_buffers();
  for (const auto& item : source.named_buffers()) buffers[item.key()].copy_(item.value());
}

}  // namespace kuda
