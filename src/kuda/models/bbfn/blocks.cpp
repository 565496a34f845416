#include "kuda/models/bbfn/blocks.h"

#include <fmt/format.h>

#include "kuda/tensor/attention.h"
#include "kuda/tensor/dropout.h"
#include "kuda/tensor/register_at.h"

namespace kuda::bbfn {

using torch::Tensor;

namespace {

Linear xavier(std::int64_t from, std::int64_t to) {
  Linear linear(from, to);
  torch::nn::init::xavier_uniform_(linear->weight);
  torch::nn::init::zeros_(linear->bias);
  return linear;
}

torch::nn::LayerNorm norm(std::int64_t dim) { return torch::nn::LayerNorm(torch::nn::LayerNormOptions({dim})); }

/// Forward and backward states of a bidirectional GRU, summed over time, divided by n, averaged. [B, E]
Tensor summary(BidirectionalRnn& rnn, const Tensor& x, const Positions& positions) {
  const auto states = rnn.forward(x, positions.lengths).sequence;  // [B, T, 2E]
  const auto mean = (states * positions.summed.unsqueeze(-1)).sum(1) / positions.lengths.unsqueeze(-1);
  return mean.view({mean.size(0), 2, -1}).mean(1);
}

}  // namespace

Encoder::Encoder(torch::nn::Module& owner, const BbfnConfig& config, const std::string& letter,
                 std::int64_t input_width, std::int64_t kernel) {
  if (config.encoder == BbfnConfig::Encoder::cnn) {
    conv_ = owner.register_module(
        "proj_" + letter,
        torch::nn::Conv1d(
            torch::nn::Conv1dOptions(input_width, config.width, kernel).padding((kernel - 1) / 2).bias(false)));
    return;
  }
  norm_ = owner.register_module("layer_norm_" + letter, norm(config.width));
  if (config.encoder == BbfnConfig::Encoder::linear) {
    linear_ = owner.register_module("proj_" + letter, Linear(input_width, config.width));
    return;
  }
  state_ = config.state_layer == BbfnConfig::StateLayer::first ? 0 : config.encoder_layers - 1;
  const auto kind = config.encoder == BbfnConfig::Encoder::lstm ? RnnKind::lstm : RnnKind::gru;
  rnn_ = BidirectionalRnn(owner, "rnn_" + letter, kind, input_width, input_width, config.encoder_layers);
  to_vector_ = owner.register_module("linear_proj_" + letter + "_h", Linear(2 * input_width, config.width));
  to_sequence_ = owner.register_module("linear_proj_" + letter + "_seq", Linear(2 * input_width, config.width));
}

Encoder::Result Encoder::forward(const Tensor& x, const Positions& positions) {
  if (!rnn_.is_empty()) {
    const auto states = rnn_.forward(x, positions.lengths);
    const auto last = torch::cat({states.final[2 * state_], states.final[2 * state_ + 1]}, -1);  // [B, 2D]
    return {to_sequence_(states.sequence), norm_(to_vector_(last))};
  }
  const auto sequence = conv_.is_empty() ? linear_(x) : conv_(x.transpose(1, 2)).transpose(1, 2);
  const auto real = sequence.masked_fill(positions.padding.unsqueeze(-1), 0);
  return {sequence, real.sum(1) / positions.lengths.unsqueeze(-1)};
}

LayerImpl::LayerImpl(const BbfnConfig& config)
    : heads_(config.heads),
      dropout_attention_(config.dropout_attention),
      dropout_relu_(config.dropout_relu),
      dropout_residual_(config.dropout_residual) {
  const auto e = config.width;
  auto& attention = module_at(*this, "self_attn");
  in_proj_weight_ = attention.register_parameter("in_proj_weight", torch::empty({3 * e, e}));
  torch::nn::init::xavier_uniform_(in_proj_weight_);
  in_proj_bias_ = attention.register_parameter("in_proj_bias", torch::zeros({3 * e}));
  out_proj_ = attention.register_module("out_proj", xavier(e, e));
  memory_ = register_at(*this, "mem_proj.0", Linear(2 * e, e));
  attended_ = register_at(*this, "att_proj.0", Linear(2 * e, e));
  fc1_ = register_module("fc1", xavier(e, 4 * e));
  fc2_ = register_module("fc2", xavier(4 * e, e));
  norm0_ = register_at(*this, "layer_norms.0", norm(e));
  norm1_ = register_at(*this, "layer_norms.1", norm(e));
}

Tensor LayerImpl::attention(const Tensor& query, const Tensor& source, const Tensor& padding) {
  const auto weight = in_proj_weight_.chunk(3), bias = in_proj_bias_.chunk(3);
  const auto project = [&](const Tensor& x, std::size_t part) {
    return split_heads(torch::nn::functional::linear(x, weight[part], bias[part]), heads_);  // [B, H, T, E / H]
  };
  auto mixed = merge_heads(attend(project(query, 0), project(source, 1), project(source, 2), padding,
                                  is_training() ? dropout_attention_ : 0));  // [B, T, E]
  mixed = mixed.masked_fill(padding.unsqueeze(-1), 0);                       // padded queries attend to nothing
  return out_proj_(mixed);
}

Tensor LayerImpl::forward(const Tensor& x, const Tensor& source, const Tensor& control, const Tensor& padding) {
  const auto drop = [&](const Tensor& y, double rate) { return hash_dropout(y, rate, is_training()); };
  const auto gate = [&](Linear& linear) { return linear(control).sigmoid().unsqueeze(1); };  // [B, 1, E]
  const auto attended = drop(attention(norm0_(x), norm0_(source), padding), dropout_residual_);
  const auto y = attended * gate(attended_) + x * gate(memory_);
  return y + drop(fc2_(drop(fc1_(norm1_(y)).relu(), dropout_relu_)), dropout_residual_);
}

PairImpl::PairImpl(const BbfnConfig& config) {
  const auto e = config.width;
  register_buffer("version", torch::full({1}, 2.0));  // published names without a use
  module_at(*this, "embed_positions").register_buffer("_float_tensor", torch::zeros({1}));
  register_module("layer_norm", norm(e));
  for (std::int64_t i = 0; i < config.layers; ++i) {
    auto& separator = module_at(*this, fmt::format("div_encoders.{}", i));
    Separator part;
    if (i == 0) {
      part.text = separator.register_module("encode_l", Linear(e, e));
      part.other = separator.register_module("encode_o", Linear(e, e));
    } else {
      part.text_rnn = BidirectionalRnn(separator, "encode_l", RnnKind::gru, e, e, 1);
      part.other_rnn = BidirectionalRnn(separator, "encode_o", RnnKind::gru, e, e, 1);
    }
    part.hidden = register_at(separator, "discriminator.0", Linear(e, 4 * e));
    part.output = register_at(separator, "discriminator.2", Linear(4 * e, 1));
    separators_.push_back(part);
    // Published names: "l2other" makes the new text, "other2l" the new other sequence.
    to_text_.push_back(register_at(*this, fmt::format("l2other_layers.{}", i), Layer(config)));
    to_other_.push_back(register_at(*this, fmt::format("other2l_layers.{}", i), Layer(config)));
  }
}

PairImpl::Result PairImpl::forward(const Encoder::Result& text, const Encoder::Result& other,
                                   const Positions& positions, const std::string& name, Trace* trace) {
  Result result{text.sequence, other.sequence, {}};
  for (std::size_t i = 0; i < separators_.size(); ++i) {
    auto& separator = separators_[i];
    const auto of_text =  // [B, E]
        i == 0 ? separator.text(text.vector) : summary(separator.text_rnn, result.text, positions);
    const auto of_other =
        i == 0 ? separator.other(other.vector) : summary(separator.other_rnn, result.other, positions);
    const auto both = torch::cat({of_text, of_other}, 0);  // [2B, E]
    result.guesses.push_back(separator.output(separator.hidden(both).relu()).squeeze(-1));
    const auto control = torch::cat({of_text, of_other}, -1);  // [B, 2E]
    const auto new_other = to_other_[i](result.other, result.text, control, positions.padding);
    const auto new_text = to_text_[i](result.text, result.other, control, positions.padding);
    result.text = new_text;
    result.other = new_other;
    if (trace == nullptr) continue;
    trace->keep(fmt::format("{}/enc_l_{}", name, i), of_text);
    trace->keep(fmt::format("{}/enc_o_{}", name, i), of_other);
    trace->keep(fmt::format("{}/l_{}", name, i), new_text);
    trace->keep(fmt::format("{}/o_{}", name, i), new_other);
  }
  return result;
}

}  // namespace kuda::bbfn
