#include "kuda/models/tmbl/tmbl.h"

#include <fmt/format.h>

#include "kuda/base/error.h"
#include "kuda/nn/activation.h"
#include "kuda/nn/freezing.h"
#include "kuda/nn/pooling.h"
#include "kuda/tensor/dropout.h"
#include "kuda/tensor/register_at.h"

namespace kuda::tmbl {

using torch::Tensor;

Tmbl::Tmbl(const TmblConfig& config, const DataShape& shape, const TextEncoder& text) : config_(config) {
  check(config);
  if (!shape.present.text || !shape.present.vision || !shape.present.audio)
    throw ConfigError("tmbl needs all three modalities", "its private transformers run over pairs in a ring");
  auto bert_config = text.bert;
  bert_config.dropout = config.dropout_text;
  bert_ = register_module("bertmodel", Bert(bert_config));
  if (!text.folder.empty()) load_bert_weights(*bert_, text.folder);
  freeze_layers(*bert_, config.frozen_layers);
  vision_ = utterance("v", shape.width.vision);
  audio_ = utterance("a", shape.width.audio);

  const auto h = config.width;
  const std::array<std::int64_t, 3> widths{bert_config.hidden_size, 4 * shape.width.vision, 4 * shape.width.audio};
  const std::array<std::string, 3> letters{"t", "v", "a"};
  for (std::size_t m = 0; m < 3; ++m) {
    const auto name = "project_" + letters[m];
    auto& projection = module_at(*this, name);
    projections_[m].linear = projection.register_module(name, Linear(widths[m], h));
    projections_[m].norm =
        projection.register_module(name + "_layer_norm", torch::nn::LayerNorm(torch::nn::LayerNormOptions({h})));
    private_output_[m] = register_module("fc_" + letters[m], Linear(widths[m], h));
  }
  private_audio_ = register_module("tf_encoder_private_a", Transformer(config, widths[2], widths[1], 2));
  private_vision_ = register_module("tf_encoder_private_v", Transformer(config, widths[1], widths[0], 2));
  private_text_ = register_module("tf_encoder_private_t", Transformer(config, widths[0], widths[2], 2));
  shared_ = register_module("tf_encoder_share", Transformer(config, h, h, 3));

  const auto conv = [&](const char* path, std::int64_t from, std::int64_t to) {
    return register_at(*this, path, torch::nn::Conv1d(torch::nn::Conv1dOptions(from, to, 3).padding(1)));
  };
  fusion1_ = conv("fusion3.0", h, h / 2);
  fusion2_ = conv("fusion3.2", h / 2, h / 2);
  fusion3_ = conv("fusion3.5", h / 2, 1);
  const auto rows = config.is_reference() ? config.reference_batch : 1;
  class_token_ = register_parameter("cls_token", torch::zeros({rows, 1, h}));
  positions_ = register_parameter("pos_embed", torch::zeros({rows, 14, h}));
}

Tmbl::Utterance Tmbl::utterance(const std::string& letter, std::int64_t input_width) {
  Utterance encoder;
  encoder.first = BidirectionalRnn(*this, letter + "rnn1", config_.rnn, input_width, input_width, 1);
  encoder.norm =
      register_module(letter + "layer_norm", torch::nn::LayerNorm(torch::nn::LayerNormOptions({2 * input_width})));
  encoder.second = BidirectionalRnn(*this, letter + "rnn2", config_.rnn, 2 * input_width, input_width, 1);
  return encoder;
}

Tensor Tmbl::read(Utterance& encoder, const Sequence& sequence, const Tensor& text_padding) {
  const bool is_pooled = config_.align == TmblConfig::Align::pool;
  const auto frames = is_pooled ? pool_to_length(sequence.values, text_padding.size(1)) : sequence.values;
  const auto lengths = is_pooled ? text_padding.logical_not().sum(1) : sequence.lengths;
  const auto first = encoder.first.forward(frames, lengths);
  const auto second = encoder.second.forward(encoder.norm(first.sequence), lengths);
  // [B, 4D]: both layers forward, then both backward.
  return torch::cat({first.final[0], second.final[0], first.final[1], second.final[1]}, -1);
}

Streams Tmbl::private_streams(const Streams& features, Trace* trace) {
  // Without dropout the two published copies are equal; one pass keeps rounding out of their difference.
  const bool is_one_pass = config_.is_reference() && (!is_training() || config_.dropout_transformer == 0);
  const auto twice = [&](const Tensor& x) {  // [2, B, d] or [B, 2, d]
    return is_one_pass ? x.unsqueeze(0) : torch::stack({x, x}, token_axis());
  };
  const auto run = [&](Transformer& transformer, std::size_t one, std::size_t two, const char* letter) {
    auto streams = transformer->forward({twice(features[one]), twice(features[two])});
    for (std::size_t m = 0; m < 2; ++m) {
      if (is_one_pass) streams[m] = streams[m].expand({2, -1, -1});
      if (trace != nullptr) trace->keep(fmt::format("private_{}_out{}", letter, m + 1), streams[m]);
    }
    return streams;
  };
  const auto first = run(private_audio_, 2, 1, "a");    // A1, V2
  const auto second = run(private_vision_, 1, 0, "v");  // V1, T2
  const auto third = run(private_text_, 0, 2, "t");     // T1, A2
  return {private_output_[0]((third[0] + second[1]) / 2), private_output_[1]((second[0] + first[1]) / 2),
          private_output_[2]((first[0] + third[1]) / 2)};
}

Streams Tmbl::shared_streams(const Streams& features, Trace* trace) {
  Streams projected, bound;  // [B, H]
  for (std::size_t m = 0; m < 3; ++m) {
    const auto x = projections_[m].linear(features[m]);
    projected[m] = projections_[m].norm(activate(config_.activation, x));
    if (trace != nullptr) trace->keep(std::array{"t_proj", "v_proj", "a_proj"}[m], projected[m]);
  }
  const auto clips = features[0].size(0);
  for (std::size_t m = 0; m < 3; ++m) {  // text with vision, vision with audio, audio with text
    const auto& one = projected[m];
    const auto& two = projected[(m + 1) % 3];
    if (!config_.is_reference())  // half of the features of each
      bound[m] = torch::cat({one.slice(1, 0, config_.width / 2), two.slice(1, 0, config_.width / 2)}, 1);
    else if (clips % 2 == 0)  // published: half of the clips of each
      bound[m] = torch::cat({one.slice(0, 0, clips / 2), two.slice(0, 0, clips / 2)}, 0);
    else
      bound[m] = one + two;
  }
  const auto pair = [&](std::size_t m) { return torch::stack({bound[m], projected[m]}, token_axis()); };
  const auto streams = shared_->forward({pair(0), pair(1), pair(2)});
  for (std::size_t m = 0; m < 3 && trace != nullptr; ++m) trace->keep(fmt::format("share_out{}", m + 1), streams[m]);
  return {streams[0], streams[1], streams[2]};
}

Output Tmbl::forward(const Batch& batch, Trace* trace) {
  const auto clips = batch.text_ids.size(0);
  const bool is_reference = config_.is_reference();
  if (is_reference && clips > config_.reference_batch)
    throw ShapeError(fmt::format("tmbl.mode = \"reference\": a batch of {} clips, but tmbl.reference_batch = {}", clips,
                                 config_.reference_batch),
                     "set it to train.batch_size");
  const auto keep = [&](const std::string& name, const Tensor& x) {
    if (trace != nullptr) trace->keep(name, x);
  };
  const auto hidden = bert_->forward(batch.text_ids, batch.text_segments, batch.text_padding).back();  // [B, L, D]
  const auto real = batch.text_padding.logical_not().to(hidden.scalar_type()).unsqueeze(-1);           // [B, L, 1]
  const Streams features{(hidden * real).sum(1) / real.sum(1), read(vision_, batch.vision, batch.text_padding),
                         read(audio_, batch.audio, batch.text_padding)};
  for (std::size_t m = 0; m < 3; ++m) keep(std::array{"t_feature", "v_feature", "a_feature"}[m], features[m]);
  const auto of_private = private_streams(features, trace);
  const auto shared = shared_streams(features, trace);
  for (std::size_t m = 0; m < 3; ++m) {
    keep(std::array{"private_t", "private_v", "private_a"}[m], of_private[m]);
    keep(std::array{"share_T", "share_V", "share_A"}[m], shared[m]);
  }

  const auto tokens = [&](const Tensor& x) { return is_reference ? x.transpose(0, 1) : x; };  // [B, 2, H]
  std::vector<Tensor> parts{tokens(of_private[2]), tokens(of_private[1]), tokens(of_private[0]),
                            tokens(shared[0]),     tokens(shared[1]),     tokens(shared[2])};
  const bool has_class = !is_reference || clips == config_.reference_batch;  // published: full batches only
  if (has_class) {
    const auto class_token = class_token_.expand({clips, -1, -1});
    parts.insert(parts.begin() + 3, class_token);
    parts.push_back(class_token);
  }
  auto fused = torch::cat(parts, 1);  // [B, 14, H], or 12 tokens
  if (has_class) fused = fused + positions_;
  fused = fused.transpose(1, 2);  // [B, H, tokens]
  keep("fusion_in", fused);
  fused = hash_dropout(fusion2_(fusion1_(fused).relu()), config_.dropout_fusion, is_training()).relu();
  if (trace != nullptr) trace->keep("mean/fused", fused.mean(-1));  // over the tokens
  Output output;
  const InFloat32 exact;  // as the last layer of other models (tensor/linear.h)
  output.score = fusion3_(as_float32(fused)).mean(-1).squeeze(-1);  // [B]
  output.terms.emplace_back("similarity", similarity_loss(shared));
  output.terms.emplace_back(
      "difference", is_reference ? reference_difference_loss(of_private, shared) : difference_loss(of_private, shared));
  return output;
}

Losses Tmbl::loss(const Output& output, const Batch& batch) {
  const auto error = torch::mse_loss(output.score, batch.label);
  const auto &similarity = output.terms[0].second, &difference = output.terms[1].second;
  return {error + config_.lambda_similarity * similarity + config_.lambda_difference * difference,
          {{"mse", error}, {"similarity", similarity}, {"difference", difference}}};
}

namespace {

/// What the published class holds and no loss reaches.
bool is_unused(std::string_view name) {
  const auto has = [&](std::string_view part) { return name.find(part) != std::string_view::npos; };
  if (has("MLP_Communicator") || has("batchnorm") || has("tlayer_norm") || has("pos_table")) return true;
  if (has("tf_encoder_private_")) return has(".slf_attn.") || has("layer_stack3") || has("layer_norm3");
  if (has("tf_encoder_share")) return has(".slf_attn_sa.") || has("layer_stack1") || has("layer_stack2");
  return false;
}

}  // namespace

ModelInfo info() {
  ModelInfo info;
  info.name = "tmbl";
  info.title = "TMBL";
  info.paper = "Huang et al., Knowledge-Based Systems 2024";
  info.kind = "ternary symmetric";
  info.year = 2024;
  info.text = TextInput::tokens;
  info.needs_alignment = true;
  info.reference = "JackAILab/TMBL 59ac3c5 (no licence)";
  info.features = {{"text", "t_feature"}, {"vision", "v_feature"}, {"audio", "a_feature"}, {"fused", "mean/fused"}};
  info.idle_parameters = {"bertmodel.pooler."};
  info.is_unused = is_unused;
  info.set_makers<Tmbl, TmblConfig>();
  return info;
}

}  // namespace kuda::tmbl
