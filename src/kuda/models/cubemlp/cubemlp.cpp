#include "kuda/models/cubemlp/cubemlp.h"

#include <fmt/format.h>

#include <algorithm>

#include "kuda/base/error.h"
#include "kuda/nn/freezing.h"
#include "kuda/nn/pooling.h"
#include "kuda/nn/time_mean.h"
#include "kuda/tensor/dropout.h"
#include "kuda/tensor/register_at.h"

namespace kuda::cubemlp {

using torch::Tensor;

CubeMlp::CubeMlp(const CubeMlpConfig& config, const DataShape& shape, const TextEncoder& text)
    : config_(config), present_(shape.present) {
  check(config);
  const auto modalities = std::count(present_.begin(), present_.end(), true);
  if (modalities < 2)
    throw ConfigError("cubemlp needs at least two modalities", "a cube of one modality has nothing to mix");
  if (present_.text) {
    auto bert_config = text.bert;
    bert_config.dropout = config.dropout_text;
    bert_ = register_module("bertmodel", Bert(bert_config));
    if (!text.folder.empty()) load_bert_weights(*bert_, text.folder);
    freeze_layers(*bert_, config.frozen_layers);
    text_ = register_module("W_t", Linear(torch::nn::LinearOptions(bert_config.hidden_size, config.width).bias(false)));
  }
  if (present_.vision) vision_ = sequence_encoder("v", shape.width.vision);
  if (present_.audio) audio_ = sequence_encoder("a", shape.width.audio);

  CubeSizes sizes{config.time_length, modalities, config.width};
  for (std::size_t i = 0; i < config.num_blocks(); ++i) {
    blocks_.push_back(register_at(*this, "mlp_encoder.layers_stack." + std::to_string(i), CubeBlock(config, i, sizes)));
    sizes = {config.out_time[i], config.out_modality[i], config.out_channel[i]};
  }

  constexpr std::int64_t kHidden = 128;  // of the classifier, where there are more features than that
  auto features = sizes[2];
  if (config.compose_time == CubeMlpConfig::Compose::cat) features *= sizes[0];
  if (config.compose_modality == CubeMlpConfig::Compose::cat) features *= sizes[1];
  if (features > kHidden) {
    classifier_ = register_at(*this, "classifier.0", Linear(features, kHidden));
    classifier_output_ = register_at(*this, "classifier.3", Linear(kHidden, 1));
  } else {
    classifier_output_ = register_at(*this, "classifier.0", Linear(features, 1));
  }
}

CubeMlp::SequenceEncoder CubeMlp::sequence_encoder(const std::string& letter, std::int64_t input_width) {
  SequenceEncoder encoder;
  encoder.letter = letter;
  if (config_.encoder == CubeMlpConfig::Encoder::conv)
    encoder.conv = register_module(
        "conv_" + letter,
        torch::nn::Conv1d(torch::nn::Conv1dOptions(input_width, config_.width, /*kernel_size=*/3).padding(1)));
  else if (config_.encoder == CubeMlpConfig::Encoder::gru)
    encoder.rnn = BidirectionalRnn(*this, "rnn_" + letter, RnnKind::gru, input_width, config_.width, 2);
  else
    encoder.rnn = BidirectionalRnn(*this, "rnn_" + letter, RnnKind::lstm, input_width, config_.width, 1);
  encoder.norm =
      register_module("ln_" + letter, torch::nn::LayerNorm(torch::nn::LayerNormOptions({config_.width}).eps(1e-6)));
  return encoder;
}

Tensor CubeMlp::encode(SequenceEncoder& encoder, const Tensor& x, const Tensor& padding, const Tensor& lengths,
                       Trace* trace) {
  const auto length = padding.size(1), missing = length - x.size(1);
  auto frames = x;  // [B, L, D]
  if (config_.align == CubeMlpConfig::Align::pool)
    frames = pool_to_length(x, length);
  else if (missing != 0)  // division truncates toward zero; negative amounts cut
    frames = torch::constant_pad_nd(x, {0, 0, missing / 2, missing - missing / 2});
  // Real frames that are all zero are told from padding by a tiny value.
  const auto is_filled = frames.eq(0).all(-1).logical_and(padding.logical_not());  // [B, L]
  frames = frames.masked_fill(is_filled.unsqueeze(-1), 1e-6);
  Tensor encoded;  // [B, L, c]
  if (encoder.conv.is_empty()) {
    const auto both = encoder.rnn.forward(frames, lengths).sequence;  // [B, L, 2c]
    encoded = both.slice(2, 0, config_.width) + both.slice(2, config_.width);
  } else {
    encoded = encoder.conv(frames.transpose(1, 2)).transpose(1, 2);
  }
  encoded = encoder.norm(encoded);
  if (trace != nullptr) trace->keep("ln_" + encoder.letter, encoded);
  return encoded.relu();
}

Output CubeMlp::forward(const Batch& batch, Trace* trace) {
  const auto keep = [&](const std::string& name, const Tensor& x) {
    if (trace != nullptr) trace->keep(name, x);
  };
  // Without text the frames of vision take the place of its words.
  const auto padding = present_.text ? batch.text_padding : batch.vision.padding;  // [B, L]
  const auto lengths = padding.logical_not().sum(1);                               // [B]
  std::vector<Tensor> channels;                                                    // each [B, T, c]
  const auto add = [&](const Tensor& x, double rate, const char* mean) {
    if (trace != nullptr) trace->keep(mean, time_mean(x, padding));
    auto y = hash_dropout(x, rate, is_training());
    if (config_.mask_padding) y = y.masked_fill(padding.unsqueeze(-1), 0);
    channels.push_back(torch::constant_pad_nd(y, {0, 0, 0, config_.time_length - y.size(1)}));  // pads or cuts the end
  };
  if (present_.text) {
    const auto hidden = bert_->forward(batch.text_ids, batch.text_segments, padding).back();  // [B, L, Dt]
    keep("bert_last", hidden);
    const auto text = text_(hidden);
    keep("W_t", text);
    add(text, config_.dropout[0], "mean/T");
  }
  Tensor vision;
  if (present_.vision) vision = encode(vision_, batch.vision.values, padding, lengths, trace);
  if (present_.audio) add(encode(audio_, batch.audio.values, padding, lengths, trace), config_.dropout[2], "mean/A");
  if (present_.vision) add(vision, config_.dropout[1], "mean/V");

  auto cube = torch::stack(channels, 2);  // [B, T, k, c], in the order text, audio, vision
  keep("cube", cube);
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    cube = blocks_[i](cube);
    keep(fmt::format("block_{}", i), cube);
  }
  keep("features", cube);
  using Compose = CubeMlpConfig::Compose;
  const auto reduced = [&](const Tensor& x, Compose how) {  // over axis 1
    return how == Compose::sum && !config_.reference_quirks ? x.sum(1) : x.mean(1);
  };
  const auto over_time = config_.compose_time == Compose::cat ? cube.transpose(1, 2).flatten(2)
                                                              : reduced(cube, config_.compose_time);  // [B, k, d']
  auto feature = config_.compose_modality == Compose::cat ? over_time.flatten(1)
                                                          : reduced(over_time, config_.compose_modality);  // [B, F]
  keep("mean/fused", feature);
  if (!classifier_.is_empty()) feature = hash_dropout(classifier_(feature).relu(), config_.dropout[3], is_training());
  Output output;
  output.score = classifier_output_(feature).squeeze(-1);  // [B]
  return output;
}

Tensor score_error(CubeMlpConfig::Loss kind, const Tensor& score, const Tensor& label) {
  const auto error = score - label;
  switch (kind) {
    case CubeMlpConfig::Loss::mae:
      return error.abs().mean();
    case CubeMlpConfig::Loss::mse:
      return error.square().mean();
    case CubeMlpConfig::Loss::rmse:
      return error.square().mean().sqrt();
    case CubeMlpConfig::Loss::simse:
      return error.mean().square();  // as published: the squared mean error alone
  }
  return {};
}

Losses CubeMlp::loss(const Output& output, const Batch& batch) {
  const auto error = score_error(config_.loss, output.score, batch.label);
  return {error, {{name_of(config_.loss), error}}};
}

std::vector<ParameterGroup> CubeMlp::parameter_groups() {
  ParameterGroup text, rest;
  text.lr_scale = config_.bert_lr_scale;
  for (const auto& item : named_parameters())
    if (item.value().requires_grad())
      (item.key().starts_with("bertmodel.") ? text : rest).parameters.push_back(item.value());
  return {text, rest};
}

ModelInfo info() {
  ModelInfo info;
  info.name = "cubemlp";
  info.title = "CubeMLP";
  info.paper = "Sun et al., ACM Multimedia 2022";
  info.kind = "ternary symmetric";
  info.year = 2022;
  info.text = TextInput::tokens;
  info.needs_alignment = true;
  info.reference = "kiva12138/CubeMLP 49f75bd (no licence)";
  info.features = {{"text", "mean/T"}, {"vision", "mean/V"}, {"audio", "mean/A"}, {"fused", "mean/fused"}};
  info.idle_parameters = {"bertmodel.pooler."};
  info.set_makers<CubeMlp, CubeMlpConfig>();
  return info;
}

}  // namespace kuda::cubemlp
