#include "kuda/models/tmbl/transformer.h"

#include <cmath>

#include "kuda/tensor/attention.h"
#include "kuda/tensor/dropout.h"
#include "kuda/tensor/register_at.h"

namespace kuda::tmbl {

using torch::Tensor;

namespace {

torch::nn::LayerNorm norm(std::int64_t dim) {
  return torch::nn::LayerNorm(torch::nn::LayerNormOptions({dim}).eps(1e-6));
}

Linear projection(std::int64_t from, std::int64_t to) { return Linear(torch::nn::LinearOptions(from, to).bias(false)); }

torch::nn::Conv1d pointwise(std::int64_t from, std::int64_t to) {
  return torch::nn::Conv1d(torch::nn::Conv1dOptions(from, to, 1));
}

/// A kernel-1 convolution over the last axis, which is an affine map of it.
Tensor apply_pointwise(const torch::nn::Conv1d& conv, const Tensor& x) {
  return torch::nn::functional::linear(x, conv->weight.squeeze(-1), conv->bias);
}

/// The published code turns NaN into 0 after each part; here only in mode reference, where numbers must agree.
Tensor without_nan(const Tensor& x, bool is_reference) {
  return is_reference ? torch::where(x.isnan(), torch::zeros_like(x), x) : x;
}

}  // namespace

Tensor sinusoids(std::int64_t n, std::int64_t dim) {
  auto table = torch::empty({1, n, dim}, torch::kFloat64);
  auto* value = table.mutable_data_ptr<double>();
  for (std::int64_t p = 0; p < n; ++p)
    for (std::int64_t j = 0; j < dim; ++j) {
      const double angle = double(p) / std::pow(10000.0, 2.0 * double(j / 2) / double(dim));
      *value++ = j % 2 == 0 ? std::sin(angle) : std::cos(angle);
    }
  return table.to(torch::kFloat32);
}

LayerImpl::LayerImpl(const TmblConfig& config, std::int64_t query_width, std::int64_t source_width, bool is_self)
    : is_reference_(config.is_reference()),
      heads_(config.heads),
      key_width_(config.key_width),
      dropout_(config.dropout_transformer) {
  const auto source = is_self ? query_width : source_width;
  const auto value_width = is_self ? config.key_width : config.value_width;
  auto& attention = module_at(*this, is_self ? "slf_attn_sa" : "slf_attn");
  w_q_ = attention.register_module("w_q", projection(query_width, key_width_));
  w_k_ = attention.register_module("w_k", projection(source, key_width_));
  w_v_ = attention.register_module("w_v", projection(source, value_width));
  keep_q_k_ = attention.register_module("keep_q_k", pointwise(key_width_, key_width_));
  fc_ = attention.register_module("fc", projection(value_width, query_width));
  norm_ = attention.register_module("layer_norm", norm(query_width));
  auto& feed = module_at(*this, "pos_ffn");
  const auto inner = config.feed_forward;
  w_1_ = feed.register_module("w_1", Linear(query_width, inner));
  up_ = feed.register_module("up_dim", pointwise(inner, 2 * inner));
  keep_ = feed.register_module("keep_dim", pointwise(2 * inner, 2 * inner));
  w_2_ = feed.register_module("w_2", Linear(inner, query_width));
  feed_norm_ = feed.register_module("layer_norm", norm(query_width));
}

Tensor LayerImpl::mixed(const Tensor& x) {  // [N, S, dk]
  if (!is_reference_) return apply_pointwise(keep_q_k_, x);
  // Published: the convolution takes the clips of the batch as channels and is skipped unless there are dk of them.
  return x.size(1) == key_width_ ? keep_q_k_(x) : x;
}

Tensor LayerImpl::forward(const Tensor& query, const Tensor& key, const Tensor& value) {
  const auto drop = [&](const Tensor& x) { return hash_dropout(x, dropout_, is_training()); };
  // attend() divides by the root of a head's width; the published scale is the root of all heads' width.
  const auto q = mixed(w_q_(query)) / std::sqrt(double(heads_));
  const auto attended = merge_heads(attend(split_heads(q, heads_), split_heads(mixed(w_k_(key)), heads_),
                                           split_heads(w_v_(value), heads_), Tensor(), is_training() ? dropout_ : 0));
  const auto x = without_nan(norm_(drop(fc_(attended)) + query), is_reference_);  // [N, S, dq]
  const auto halves = apply_pointwise(keep_, apply_pointwise(up_, w_1_(x))).chunk(2, -1);
  return without_nan(feed_norm_(drop(w_2_(halves[0].relu() * halves[1])) + x), is_reference_);
}

TransformerImpl::TransformerImpl(const TmblConfig& config, std::int64_t width1, std::int64_t width2,
                                 std::int64_t streams)
    : is_reference_(config.is_reference()), is_cross_(config.cross_attention), dropout_(config.dropout_transformer) {
  // What the published class also holds, but no loss reaches, is left out: the stacks of the other number of streams,
  // and the attention that is not taken.
  const std::vector<std::string> names =
      streams == 2 ? std::vector<std::string>{"layer_stack1", "layer_stack2"}
                   : std::vector<std::string>{"layer_stack3_1", "layer_stack3_2", "layer_stack3_3"};
  const bool is_self = streams == 2 && !is_cross_;
  for (std::size_t m = 0; m < names.size(); ++m) {
    const auto width = m == 0 ? width1 : width2, other = m == 0 ? width2 : width1;
    norms_.push_back(register_module("layer_norm" + std::to_string(m + 1), norm(width)));
    std::vector<Layer> layers;
    for (std::int64_t i = 0; i < config.layers; ++i)
      layers.push_back(register_at(*this, names[m] + "." + std::to_string(i), Layer(config, width, other, is_self)));
    stacks_.push_back(layers);
  }
}

Tensor TransformerImpl::start(std::size_t stream, const Tensor& x) {
  const auto y = hash_dropout(x + sinusoids(x.size(1), x.size(2)).to(x.device()), dropout_, is_training());
  return without_nan(norms_[stream](y), is_reference_);
}

std::vector<Tensor> TransformerImpl::forward(std::vector<Tensor> streams) {
  for (std::size_t m = 0; m < streams.size(); ++m) streams[m] = start(m, streams[m]);
  const bool is_shared = streams.size() == 3;
  for (std::size_t i = 0; i < stacks_[0].size(); ++i) {
    const auto old = streams;
    for (std::size_t m = 0; m < old.size(); ++m) {
      auto& layer = stacks_[m][i];
      if (is_shared && is_cross_)
        streams[m] = layer(old[m], old[(m + 1) % 3], old[(m + 2) % 3]);
      else if (is_shared)  // published: all three stacks are asked by stream 1
        streams[m] = layer(old[0], old[1], old[2]);
      else if (is_cross_)
        streams[m] = layer(old[m], old[1 - m], old[1 - m]);
      else  // published: key and value are equal, which the code takes for self-attention
        streams[m] = layer(old[m], old[m], old[m]);
    }
  }
  return streams;
}

}  // namespace kuda::tmbl
