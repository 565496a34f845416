#include "kuda/models/almt/blocks.h"

#include <memory>

#include "kuda/tensor/attention.h"
#include "kuda/tensor/dropout.h"
#include "kuda/tensor/register_at.h"

namespace kuda::almt {

using torch::Tensor;

namespace {

torch::nn::LayerNorm norm(std::int64_t dim) { return torch::nn::LayerNorm(torch::nn::LayerNormOptions({dim})); }

Linear projection(std::int64_t from, std::int64_t to) { return Linear(torch::nn::LinearOptions(from, to).bias(false)); }

/// Empty where the published code has an identity.
Linear add_output(torch::nn::Module& owner, const std::string& path, const BlockOptions& options) {
  const auto inner = options.num_heads * options.head_width;
  if (options.num_heads == 1 && inner == options.dim) return nullptr;
  return register_at(owner, path + ".0", Linear(inner, options.dim));
}

}  // namespace

AttentionImpl::AttentionImpl(const BlockOptions& options) : num_heads_(options.num_heads), dropout_(options.dropout) {
  const auto inner = options.num_heads * options.head_width;
  to_q_ = register_module("to_q", projection(options.dim, inner));
  to_k_ = register_module("to_k", projection(options.dim, inner));
  to_v_ = register_module("to_v", projection(options.dim, inner));
  to_out_ = add_output(*this, "to_out", options);
}

Tensor AttentionImpl::forward(const Tensor& query, const Tensor& key, const Tensor& value, const Tensor& padding) {
  const auto mixed = merge_heads(attend(split_heads(to_q_(query), num_heads_), split_heads(to_k_(key), num_heads_),
                                        split_heads(to_v_(value), num_heads_), padding, 0));  // [B, Lq, h * e]
  if (to_out_.is_empty()) return mixed;
  return hash_dropout(to_out_(mixed), dropout_, is_training());
}

BlockImpl::BlockImpl(const BlockOptions& options) : dropout_(options.dropout) {
  norm_q_ = register_at(*this, "0.norm_q", norm(options.dim));
  norm_k_ = register_at(*this, "0.norm_k", norm(options.dim));
  norm_v_ = register_at(*this, "0.norm_v", norm(options.dim));
  attention_ = register_at(*this, "0.fn", Attention(options));
  norm_ = register_at(*this, "1.norm", norm(options.dim));
  up_ = register_at(*this, "1.fn.net.0", Linear(options.dim, options.feed_forward));
  down_ = register_at(*this, "1.fn.net.3", Linear(options.feed_forward, options.dim));
}

Tensor BlockImpl::forward(const Tensor& target, const Tensor& source, const Tensor& padding) {
  const auto attended = attention_(norm_q_(target), norm_k_(source), norm_v_(source), padding) + target;
  const auto inner = hash_dropout(torch::gelu(up_(norm_(attended))), dropout_, is_training());
  return hash_dropout(down_(inner), dropout_, is_training()) + attended;
}

HyperLayerImpl::HyperLayerImpl(const BlockOptions& options, const PerModality<bool>& present)
    : num_heads_(options.num_heads), dropout_(options.dropout) {
  const auto inner = options.num_heads * options.head_width;
  to_q_ = register_at(*this, "0.fn.to_q", projection(options.dim, inner));
  norm_text_ = register_at(*this, "0.norm1", norm(options.dim));
  if (present.audio) {
    norm_audio_ = register_at(*this, "0.norm2", norm(options.dim));
    to_k_audio_ = register_at(*this, "0.fn.to_k_ta", projection(options.dim, inner));
    to_v_audio_ = register_at(*this, "0.fn.to_v_ta", projection(options.dim, inner));
  }
  if (present.vision) {
    norm_vision_ = register_at(*this, "0.norm3", norm(options.dim));
    to_k_vision_ = register_at(*this, "0.fn.to_k_tv", projection(options.dim, inner));
    to_v_vision_ = register_at(*this, "0.fn.to_v_tv", projection(options.dim, inner));
  }
  norm_hyper_ = register_at(*this, "0.norm4", norm(options.dim));
  to_out_ = add_output(*this, "0.fn.to_out", options);
}

Tensor HyperLayerImpl::forward(const Tensor& scale, const Tensor& vision, const Tensor& audio, const Tensor& hyper) {
  const auto query = split_heads(to_q_(norm_text_(scale)), num_heads_);  // [B, h, N, e]
  Tensor answer;                                                         // [B, N, h * e]
  const auto ask = [&](torch::nn::LayerNorm& norm, Linear& to_k, Linear& to_v, const Tensor& x) {
    const auto source = norm(x);
    const auto part = merge_heads(
        attend(query, split_heads(to_k(source), num_heads_), split_heads(to_v(source), num_heads_), Tensor(), 0));
    answer = answer.defined() ? answer + part : part;
  };
  if (!norm_audio_.is_empty()) ask(norm_audio_, to_k_audio_, to_v_audio_, audio);
  if (!norm_vision_.is_empty()) ask(norm_vision_, to_k_vision_, to_v_vision_, vision);
  if (!to_out_.is_empty()) answer = hash_dropout(to_out_(answer), dropout_, is_training());
  return norm_hyper_(hyper) + answer;  // the published in-place addition acts on the normalised H
}

}  // namespace kuda::almt
