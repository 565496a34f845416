#include "kuda/models/mult/mult.h"

#include <fmt/format.h>

#include <algorithm>

#include "kuda/base/error.h"
#include "kuda/tensor/dropout.h"
#include "kuda/tensor/register_at.h"

namespace kuda::mult {

using torch::Tensor;
namespace nn = torch::nn;

namespace {

constexpr std::array<const char*, 3> kMultLetter{"l", "a", "v"};
constexpr std::array<const char*, 3> kMultName{"text", "audio", "vision"};

}  // namespace

Mult::Mult(const MultConfig& config, const DataShape& shape, const TextEncoder& text) : config_(config) {
  if (shape.present != PerModality<bool>{true, true, true})
    throw ConfigError("mult: each modality attends to the two others, so it needs all three modalities",
                      "set data.modalities to text, vision and audio");
  if (config.use_bert) {
    bert_ = Bert(text.bert);
    if (!text.folder.empty()) load_bert_weights(*bert_, text.folder);
    if (!config.finetune_bert)
      for (auto& parameter : bert_->parameters()) parameter.set_requires_grad(false);
    register_at(*this, "text_model.model", bert_);
  } else {
    text_features_ = std::make_unique<TextFeatures>(*this, shape, text.bert, text.folder);
  }
  const std::array<std::int64_t, 3> widths{config.use_bert ? text.bert.hidden_size : text_features_->width(),
                                           shape.width.audio, shape.width.vision};
  const std::array<std::int64_t, 3> kernels{config.kernel_text, config.kernel_audio, config.kernel_vision};
  const std::array<std::int64_t, 3> lengths{shape.length.text, shape.length.audio, shape.length.vision};
  const std::array<std::array<std::size_t, 2>, 3> sources{{{1, 2}, {0, 2}, {0, 1}}};
  const auto d = config.width;
  const std::array<double, 3> attention{config.dropout_attention, config.dropout_attention_audio,
                                        config.dropout_attention_vision};
  const auto encoder = [&](std::int64_t width, std::int64_t layers, double dropout_attention) {
    return CrossmodalTransformer(CrossmodalOptions{.dim = width,
                                                   .num_heads = config.heads,
                                                   .num_layers = layers,
                                                   .dropout_attention = dropout_attention,
                                                   .dropout_embedding = config.dropout_embedding,
                                                   .dropout_relu = config.dropout_relu,
                                                   .dropout_residual = config.dropout_residual,
                                                   .has_positions = config.positions,
                                                   .is_causal = config.causal_mask});
  };
  for (std::size_t m = 0; m < 3; ++m) {
    auto& stream = streams_[m];
    stream.input_width = widths[m];
    stream.kernel = kernels[m];
    stream.sources = sources[m];
    if (lengths[m] < kernels[m])
      throw ConfigError(fmt::format("mult: {} of {} frames is shorter than its convolution kernel of {}", kMultName[m],
                                    lengths[m], kernels[m]),
                        fmt::format("lower mult.kernel_{}", kMultName[m]));
    stream.projection =
        register_module(fmt::format("proj_{}", kMultLetter[m]),
                        nn::Conv1d(nn::Conv1dOptions(stream.input_width, d, stream.kernel).bias(false)));
  }
  for (std::size_t m = 0; m < 3; ++m)
    for (std::size_t s = 0; s < 2; ++s) {
      const auto source = streams_[m].sources[s];
      streams_[m].cross[s] = register_module(fmt::format("trans_{}_with_{}", kMultLetter[m], kMultLetter[source]),
                                             encoder(d, config.levels, attention[source]));
    }
  for (std::size_t m = 0; m < 3; ++m)
    streams_[m].memory =
        register_module(fmt::format("trans_{}_mem", kMultLetter[m]),
                        encoder(2 * d, std::max<std::int64_t>(config.levels, 3), config.dropout_attention));
  proj1_ = register_module("proj1", Linear(6 * d, 6 * d));
  proj2_ = register_module("proj2", Linear(6 * d, 6 * d));
  out_layer_ = register_module("out_layer", Linear(6 * d, 1));
}

Sequence Mult::text_of(const Batch& batch, Trace* trace) {
  if (!config_.use_bert) return text_features_->of(batch);
  if (!batch.text_ids.defined()) return {};
  Sequence text;
  {
    const torch::AutoGradMode with_gradient(config_.finetune_bert && torch::GradMode::is_enabled());
    text.values = bert_->forward(batch.text_ids, batch.text_segments, batch.text_padding).back();
  }
  text.padding = batch.text_padding;
  text.lengths = batch.text_padding.logical_not().sum(1).clamp_min(1);
  if (trace != nullptr) trace->keep("bert_last_hidden", text.values);
  return text;
}

/// [B, L, D] -> [B, L - kernel + 1, d]; a frame of the result is real when all frames under the kernel are.
CrossmodalInput Mult::project(Stream& stream, const Sequence& sequence, const char* name) {
  auto x = sequence.values;
  if (!x.defined())
    throw ShapeError(fmt::format("mult: the batch has no {}, but the model needs all three modalities", name));
  if (x.size(2) != stream.input_width)
    throw ShapeError(
        fmt::format("{}: {} features per frame, but the model was built for {}", name, x.size(2), stream.input_width),
        "the features come from another extractor or data set than the model's");
  const bool is_projected = stream.input_width != config_.width;  // published: the layer is there but not used
  const auto kernel = is_projected ? stream.kernel : 1;
  Tensor lengths;
  if (!config_.reference_quirks) {
    // Clips shorter than the kernel give one frame; what stands at their padding must not matter.
    x = x.masked_fill(sequence.padding.unsqueeze(-1), 0);
    if (x.size(1) < kernel) x = torch::constant_pad_nd(x, {0, 0, 0, kernel - x.size(1)});
    lengths = (sequence.lengths - (kernel - 1)).clamp_min(1);
  }
  if (x.size(1) < kernel)
    throw ShapeError(fmt::format("{}: {} frames are fewer than the convolution kernel of {}", name, x.size(1), kernel));
  return {is_projected ? stream.projection(x.transpose(1, 2)).transpose(1, 2) : x, lengths};
}

Output Mult::forward(const Batch& batch, Trace* trace) {
  auto text = text_of(batch, trace);
  if (text.values.defined()) text.values = hash_dropout(text.values, config_.dropout_text, is_training());
  const std::array<const Sequence*, 3> sequences{&text, &batch.audio, &batch.vision};
  // The published code holds sequences time first, [L, B, .]; so does the trace.
  const auto keep = [&](const std::string& name, const Tensor& x) {
    if (trace != nullptr) trace->keep(name, x.transpose(0, 1));
  };
  std::array<CrossmodalInput, 3> inputs;  // [B, L', d] each
  for (std::size_t m = 0; m < 3; ++m) {
    inputs[m] = project(streams_[m], *sequences[m], kMultName[m]);
    if (trace != nullptr && streams_[m].input_width != config_.width)
      trace->keep(fmt::format("proj_{}", kMultLetter[m]), inputs[m].values.transpose(1, 2));
  }
  std::vector<Tensor> ends;  // h_l, h_a, h_v, [B, 2d] each
  for (std::size_t m = 0; m < 3; ++m) {
    std::vector<Tensor> crossed;
    for (std::size_t s = 0; s < 2; ++s) {
      Tensor first;
      const auto source = streams_[m].sources[s];
      crossed.push_back(streams_[m].cross[s]->forward(inputs[m], inputs[source], &first));  // [B, L', d]
      const auto name = fmt::format("trans_{}_with_{}", kMultLetter[m], kMultLetter[source]);
      keep(name, crossed.back());
      keep(name + "_layer0", first);
    }
    const auto lengths = inputs[m].lengths;
    const auto memory = streams_[m].memory->forward({torch::cat(crossed, 2), lengths});  // [B, L', 2d]
    keep(fmt::format("trans_{}_mem", kMultLetter[m]), memory);
    ends.push_back(lengths.defined()
                       ? memory.gather(1, (lengths - 1).view({-1, 1, 1}).expand({-1, 1, memory.size(2)})).squeeze(1)
                       : memory.select(1, -1));
  }
  const auto h = torch::cat(ends, 1);  // [B, 6d]
  const auto inner = hash_dropout(torch::relu(proj1_(h)), config_.dropout_output, is_training());
  const auto prediction = out_layer_(proj2_(inner) + h);  // [B, 1]
  if (trace != nullptr) {
    trace->keep("Feature_t", ends[0]);
    trace->keep("Feature_a", ends[1]);
    trace->keep("Feature_v", ends[2]);
    trace->keep("Feature_f", h);
    trace->keep("M", prediction);
  }
  Output output;
  output.score = prediction.squeeze(1);
  return output;
}

Losses Mult::loss(const Output& output, const Batch& batch) {
  const auto task = (output.score - batch.label).abs().mean();
  return {task, {{"task", task}}};
}

bool Mult::is_padding_invariant() const { return !config_.reference_quirks; }

ModelInfo info() {
  ModelInfo info;
  info.name = "mult";
  // Each of the three has seen the other two: the model has no vector of one modality alone.
  info.features = {{"crossed text", "Feature_t"},
                   {"crossed vision", "Feature_v"},
                   {"crossed audio", "Feature_a"},
                   {"fused", "Feature_f"}};
  info.title = "MulT";
  info.paper = "Tsai et al., ACL 2019";
  info.kind = "ternary symmetric";
  info.year = 2019;
  info.text = TextInput::features;
  info.reference = "thuiar/MMSA a94e65d (MIT)";
  info.idle_parameters = {"text_model.model.pooler."};
  info.set_makers<Mult, MultConfig>();
  return info;
}

}  // namespace kuda::mult
