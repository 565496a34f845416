#include "kuda/models/tetfn/tetfn.h"

#include <fmt/format.h>

#include <limits>

#include "kuda/base/error.h"
#include "kuda/nn/pooling.h"

namespace kuda::tetfn {

using torch::Tensor;
namespace nn = torch::nn;

namespace {

constexpr std::int64_t kTetfnLayers = 2;  ///< of every transformer but the lower ones: fixed in the published code

Tensor zero_padding(const Tensor& x, const Tensor& padding) {
  return padding.defined() ? x.masked_fill(padding.unsqueeze(-1), 0) : x;  // [B, L, D]
}

nn::Conv1d convolution(std::int64_t input, std::int64_t output, std::int64_t kernel) {
  return nn::Conv1d(nn::Conv1dOptions(input, output, kernel).bias(false));
}

/// Maximum over time of x [B, L, D], over true frames where lengths are known -> [B, D].
Tensor maximum(const CrossmodalInput& x) {
  if (!x.lengths.defined()) return std::get<0>(x.values.max(1));
  const auto frames = torch::arange(x.values.size(1), x.lengths.options());
  const auto is_padded = (frames.unsqueeze(0) >= x.lengths.unsqueeze(1)).unsqueeze(-1);
  return std::get<0>(x.values.masked_fill(is_padded, -std::numeric_limits<float>::infinity()).max(1));
}

/// The last position of x [B, L, D], or each clip's last true one -> [B, D].
Tensor last(const CrossmodalInput& x) {
  if (!x.lengths.defined()) return x.values.select(1, -1);
  const auto at = (x.lengths - 1).view({-1, 1, 1}).expand({-1, 1, x.values.size(2)});
  return x.values.gather(1, at).squeeze(1);
}

}  // namespace

StateConvolutionImpl::StateConvolutionImpl(std::int64_t input, std::int64_t hidden, std::int64_t output,
                                           std::int64_t kernel) {
  rnn_ = register_module("rnn", nn::LSTM(nn::LSTMOptions(input, hidden).batch_first(true)));
  conv_ = register_module("conv", convolution(hidden, output, kernel));
}

Tensor StateConvolutionImpl::forward(const Tensor& values, const Tensor& padding) {
  const auto states = [&] {  // [B, L, hidden]
    const InFloat32 exact;   // as in nn/recurrent.h
    return std::get<0>(rnn_(as_float32(values)));
  }();
  return conv_(zero_padding(states, padding).transpose(1, 2));
}

TextEnhancedTransformerImpl::TextEnhancedTransformerImpl(CrossmodalOptions options) {
  options.has_positions = true;
  options.num_layers = 1;
  lower_ = register_module("lower_mha", CrossmodalTransformer(options));
  options.num_layers = kTetfnLayers;
  upper_ = register_module("upper_mha", CrossmodalTransformer(options));
}

Tensor TextEnhancedTransformerImpl::forward(const CrossmodalInput& query, const CrossmodalInput& key,
                                            const CrossmodalInput& text, Tensor* lower) {
  const auto inner = lower_->forward(query, text);  // [B, length of query, D]
  if (lower != nullptr) *lower = inner;
  return upper_->forward(key, {inner, query.lengths});
}

Tetfn::Tetfn(const TetfnConfig& config, const DataShape& shape, const TextEncoder& text)
    : MultitaskModel(config, shape, text, "TETFN"), config_(config) {
  text_conv_ = register_module("proj_l", convolution(text.bert.hidden_size, config.width, config.kernel_text));
  audio_ = register_module("audio_model",
                           StateConvolution(shape.width.audio, config.audio_hidden, config.width, config.kernel_audio));
  // The published code gives vision the audio's kernel, too.
  vision_ = register_module(
      "video_model", StateConvolution(shape.width.vision, config.vision_hidden, config.width, config.kernel_audio));
  CrossmodalOptions options;
  options.num_heads = config.heads;
  options.num_layers = kTetfnLayers;
  options.dropout_embedding = config.dropout_embedding;
  options.dropout_relu = config.dropout_relu;
  options.dropout_residual = config.dropout_residual;
  const auto transformer = [&](const char* name, std::int64_t dim, double dropout_attention) {
    options.dim = dim;
    options.dropout_attention = dropout_attention;
    return register_module(name, CrossmodalTransformer(options));
  };
  const auto width = config.width;
  text_from_audio_ = transformer("trans_l_with_a", width, config.dropout_attention_audio);
  text_from_vision_ = transformer("trans_l_with_v", width, config.dropout_attention_vision);
  audio_from_text_ = transformer("trans_a_with_l", width, config.dropout_attention);
  vision_from_text_ = transformer("trans_v_with_l", width, config.dropout_attention);
  text_memory_ = transformer("trans_l_mem", 2 * width, config.dropout_attention);
  audio_memory_ = transformer("trans_a_mem", 2 * width, config.dropout_attention);
  vision_memory_ = transformer("trans_v_mem", 2 * width, config.dropout_attention);
  options.dim = width;
  audio_from_vision_ = register_module("trans_a_with_v", TextEnhancedTransformer(options));
  vision_from_audio_ = register_module("trans_v_with_a", TextEnhancedTransformer(options));
  add_heads({6 * width, width, width, width});
}

Tensor Tetfn::lengths_after(const Tensor& lengths, std::int64_t frames, std::int64_t target,
                            std::int64_t kernel) const {
  if (config_.reference_quirks) return {};
  auto result = lengths;
  if (target > 0 && frames != target) {
    const auto window = (frames + target - 1) / target;  // frames a window, as pool_to_length takes them
    result = (result + window - 1).div(window, "floor");
  }
  return (result - kernel + 1).clamp_min(1);
}

Tetfn::Modalities Tetfn::encode(const Batch& batch, Trace* trace) {
  const auto padding = [&](const Tensor& x) { return config_.reference_quirks ? Tensor() : x; };
  const auto hidden = encode_text(batch);  // [B, Lt, H]
  const auto length = hidden.size(1);
  const auto words = batch.text_padding.logical_not().sum(1);
  const auto text = text_conv_(zero_padding(hidden, padding(batch.text_padding)).transpose(1, 2));
  if (trace != nullptr) {
    trace->keep("bert_last", hidden);
    trace->keep("proj_l", text);
  }
  const auto encode_sequence = [&](StateConvolution& encoder, const Sequence& sequence, const char* name) {
    const auto frames = sequence.values.size(1), target = config_.pool_to_text ? length : 0;
    auto values = zero_padding(sequence.values, padding(sequence.padding));
    if (target > 0) values = pool_to_length(values, target);
    const auto pooled_lengths = lengths_after(sequence.lengths, frames, target, 1);
    const auto is_padded =
        pooled_lengths.defined()
            ? torch::arange(values.size(1), sequence.lengths.options()).unsqueeze(0) >= pooled_lengths.unsqueeze(1)
            : Tensor();
    if (values.size(1) < config_.kernel_audio)
      throw ShapeError(
          fmt::format("TETFN: {} of {} frames, but a convolution of {}", name, values.size(1), config_.kernel_audio));
    const auto convolved = encoder->forward(values, is_padded);  // [B, D, L - kernel + 1]
    if (trace != nullptr) {
      trace->keep(fmt::format("aligned_{}", name), values);
      trace->keep(fmt::format("{}_conv", name), convolved);
    }
    return CrossmodalInput{convolved.transpose(1, 2),
                           lengths_after(sequence.lengths, frames, target, config_.kernel_audio)};
  };
  return {{text.transpose(1, 2), lengths_after(words, length, 0, config_.kernel_text)},
          encode_sequence(audio_, batch.audio, "audio"),
          encode_sequence(vision_, batch.vision, "vision")};
}

Output Tetfn::forward(const Batch& batch, Trace* trace) {
  const auto [text, audio, vision] = encode(batch, trace);  // [B, L, D] each
  Tensor through_vision, through_audio;
  const auto keep = [&](const char* name, const Tensor& x) {
    if (trace != nullptr) trace->keep(name, x.transpose(0, 1));  // [L, B, D], the published layout
    return x;
  };
  const auto remember = [&](CrossmodalTransformer& memory, const CrossmodalInput& of, const Tensor& first,
                            const Tensor& second, const char* name) {
    const auto joined = keep(name, memory->forward({torch::cat({first, second}, -1), of.lengths}));  // [B, L, 2D]
    return last({joined, of.lengths});
  };
  const auto text_from_audio = keep("trans_l_with_a", text_from_audio_->forward(text, audio));
  const auto text_from_vision = keep("trans_l_with_v", text_from_vision_->forward(text, vision));
  const auto audio_from_text = keep("trans_a_with_l", audio_from_text_->forward(audio, text));
  const auto vision_from_text = keep("trans_v_with_l", vision_from_text_->forward(vision, text));
  const auto audio_from_vision =
      keep("trans_a_with_v", audio_from_vision_->forward(vision, audio, text, &through_vision));
  const auto vision_from_audio =
      keep("trans_v_with_a", vision_from_audio_->forward(audio, vision, text, &through_audio));
  keep("trans_a_with_v.lower", through_vision);
  keep("trans_v_with_a.lower", through_audio);
  const auto fused = torch::cat({remember(text_memory_, text, text_from_audio, text_from_vision, "trans_l_mem"),
                                 remember(audio_memory_, audio, audio_from_text, audio_from_vision, "trans_a_mem"),
                                 remember(vision_memory_, vision, vision_from_text, vision_from_audio, "trans_v_mem")},
                                1);  // [B, 6D]
  return score({fused, maximum(text), maximum(audio), maximum(vision)}, trace);
}

ModelInfo info() {
  ModelInfo info;
  info.name = "tetfn";
  info.title = "TETFN";
  info.paper = "Wang et al., Pattern Recognition 2023";
  info.kind = "text centre";
  info.year = 2023;
  describe_multitask(info);
  info.set_makers<Tetfn, TetfnConfig>();
  return info;
}

}  // namespace kuda::tetfn
