#include "kuda/models/almt/almt.h"

#include <fmt/format.h>

#include "kuda/base/error.h"
#include "kuda/tensor/dropout.h"
#include "kuda/tensor/register_at.h"

namespace kuda::almt {

using torch::Tensor;

namespace {

std::vector<Block> add_blocks(torch::nn::Module& owner, const std::string& path, const BlockOptions& options,
                              std::int64_t depth) {
  std::vector<Block> blocks;
  for (std::int64_t i = 0; i < depth; ++i)
    blocks.push_back(register_at(owner, fmt::format("{}.layers.{}", path, i), Block(options)));
  return blocks;
}

}  // namespace

CompressionImpl::CompressionImpl(const AlmtConfig& config, std::int64_t input_width, std::int64_t max_length)
    : width_(input_width), max_length_(max_length), kept_(config.num_kept()), dropout_(config.dropout) {
  const auto d = config.width;
  project_ = register_module("0", Linear(input_width, d));
  auto& transformer = module_at(*this, "1");
  positions_ = transformer.register_parameter("pos_embedding", torch::randn({1, max_length + config.tokens, d}));
  tokens_ = transformer.register_parameter("extra_token", torch::zeros({1, config.tokens, d}));
  blocks_ = add_blocks(transformer, "encoder",
                       {d, config.projection_heads, config.head_width, config.projection_mlp, config.dropout},
                       config.projection_depth);
}

Tensor CompressionImpl::forward(const Tensor& x, const Tensor& padding, const char* name, Trace* trace) {
  if (x.size(2) != width_ || x.size(1) > max_length_)
    throw ShapeError(fmt::format("sequence of {} frames x {} features, but the model was built for {} x {}", x.size(1),
                                 x.size(2), max_length_, width_),
                     "the features come from another extractor or data set than the model's");
  const auto num_tokens = tokens_.size(1);
  auto y = torch::cat({tokens_.expand({x.size(0), -1, -1}), project_(x)}, 1);  // [B, N' + n, d]
  y = hash_dropout(y + positions_.slice(1, 0, y.size(1)), dropout_, is_training());
  Tensor mask;
  if (padding.defined()) mask = torch::constant_pad_nd(padding, {num_tokens, 0}, false);  // tokens are always valid
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    // Only the first N outputs of the last block are used; the rest is computed where someone looks at it.
    const bool is_cut = i + 1 == blocks_.size() && trace == nullptr;
    y = blocks_[i](is_cut ? y.slice(1, 0, kept_) : y, y, mask);
  }
  if (trace != nullptr) trace->keep(name, y);
  return y.slice(1, 0, kept_);  // [B, N, d]
}

Almt::Almt(const AlmtConfig& config, const DataShape& shape, const TextEncoder& text)
    : config_(config), present_(shape.present) {
  check(config);
  if (!present_.text || (!present_.vision && !present_.audio))
    throw ConfigError("almt needs the modalities text and at least one of vision and audio",
                      "text guides how the two others are joined; add them to --modalities");
  const auto d = config.width, n = config.num_kept();
  hyper_ = register_parameter("h_hyper", torch::ones({1, n, d}));
  auto bert_config = text.bert;
  bert_config.dropout = config.dropout_text;
  bert_ = register_at(*this, "bertmodel.model", Bert(bert_config));
  if (!text.folder.empty()) load_bert_weights(*bert_, text.folder);

  compression_.text = register_module("proj_l", Compression(config, bert_config.hidden_size, shape.length.text));
  if (present_.audio)
    compression_.audio = register_module("proj_a", Compression(config, shape.width.audio, shape.length.audio));
  if (present_.vision)
    compression_.vision = register_module("proj_v", Compression(config, shape.width.vision, shape.length.vision));

  auto& scales = module_at(*this, "l_encoder");
  text_positions_ = scales.register_parameter("pos_embedding", torch::randn({1, config.tokens, d}));
  scales_ = add_blocks(scales, "encoder", {d, config.text_heads, config.head_width, config.text_mlp, config.dropout},
                       config.hyper_depth - 1);
  for (std::int64_t i = 0; i < config.hyper_depth; ++i)
    hyper_layers_.push_back(register_at(
        *this, fmt::format("h_hyper_layer.layers.{}", i),
        HyperLayer(BlockOptions{d, config.hyper_heads, config.hyper_head_width, 0, config.dropout}, present_)));

  auto& fusion = module_at(*this, "fusion_layer");
  source_positions_ = fusion.register_parameter("pos_embedding_s", torch::randn({1, n + 1, d}));
  target_positions_ = fusion.register_parameter("pos_embedding_t", torch::randn({1, n + 1, d}));
  class_token_ = fusion.register_parameter("extra_token", torch::zeros({1, 1, d}));
  fusion_ =
      add_blocks(fusion, "CrossTransformerEncoder",
                 {d, config.fusion_heads, config.head_width, config.fusion_mlp, config.dropout}, config.fusion_depth);
  output_ = register_at(*this, "regression_layer.0", Linear(d, 1));
}

Output Almt::forward(const Batch& batch, Trace* trace) {
  const auto keep = [&](const std::string& name, const Tensor& x) {
    if (trace != nullptr) trace->keep(name, x);
  };
  const auto mask = [&](const Tensor& padding) { return config_.mask_padding ? padding : Tensor(); };
  const auto bert = bert_->forward(batch.text_ids, batch.text_segments, batch.text_padding).back();  // [B, Lt, D]
  keep("bert_last", bert);
  Tensor vision, audio;  // [B, N, d]
  auto text = compression_.text(bert, mask(batch.text_padding), "proj_l", trace);
  if (present_.vision) vision = compression_.vision(batch.vision.values, mask(batch.vision.padding), "proj_v", trace);
  if (present_.audio) audio = compression_.audio(batch.audio.values, mask(batch.audio.padding), "proj_a", trace);
  if (trace != nullptr) {  // over the tokens that stand for a modality
    trace->keep("mean/T", text.mean(1));
    if (present_.vision) trace->keep("mean/V", vision.mean(1));
    if (present_.audio) trace->keep("mean/A", audio.mean(1));
  }

  // One text scale per hyper-modality layer.
  text = hash_dropout(text + text_positions_.slice(1, 0, text.size(1)), config_.dropout, is_training());
  auto hyper = hyper_.expand({text.size(0), -1, -1});  // [B, N, d]
  for (std::size_t i = 0; i < hyper_layers_.size(); ++i) {
    if (i > 0) text = scales_[i - 1](text, text, Tensor());
    hyper = hyper_layers_[i](text, vision, audio, hyper);
    keep(fmt::format("l_enc_{}", i), text);
    keep(fmt::format("ahl_{}", i), hyper);
  }

  const auto with_class = [&](const Tensor& x, const Tensor& positions) {  // [B, N + 1, d]
    const auto y = torch::cat({class_token_.expand({x.size(0), -1, -1}), x}, 1) + positions;
    return hash_dropout(y, config_.dropout, is_training());
  };
  const auto source = with_class(hyper, source_positions_);
  auto target = with_class(text, target_positions_);
  for (auto& block : fusion_) target = block(target, source, Tensor());
  keep("fusion", target);
  const auto feature = target.select(1, 0);  // [B, d]
  keep("feat", feature);
  Output output;
  output.score = output_(feature).squeeze(-1);  // [B]
  return output;
}

Losses Almt::loss(const Output& output, const Batch& batch) {
  const auto error = torch::mse_loss(output.score, batch.label);
  return {error, {{"mse", error}}};
}

ModelInfo info() {
  ModelInfo info;
  info.name = "almt";
  info.title = "ALMT";
  info.paper = "Zhang et al., EMNLP 2023";
  info.kind = "text centre";
  info.year = 2023;
  info.text = TextInput::tokens;
  info.reference = "Haoyu-ha/ALMT da94610 (MIT)";
  info.features = {{"text", "mean/T"}, {"vision", "mean/V"}, {"audio", "mean/A"}, {"fused", "feat"}};
  info.idle_parameters = {"bertmodel.model.pooler."};
  info.published_names = {{"mmsa",
                           {{"proj_l.", "embedding_l."},
                            {"proj_a.", "embedding_a."},
                            {"proj_v.", "embedding_v."},
                            {"regression_layer.0.", "regression_head."}}},
                          {"2024",
                           {{"proj_l.0.", "proj_l0."},
                            {"proj_a.0.", "proj_a0."},
                            {"proj_v.0.", "proj_v0."},
                            {"proj_l.1.", "proj_l."},
                            {"proj_a.1.", "proj_a."},
                            {"proj_v.1.", "proj_v."},
                            {"l_encoder.", "text_encoder."},
                            {"regression_layer.0.", "cls_head.0."}}}};
  info.set_makers<Almt, AlmtConfig>();
  return info;
}

}  // namespace kuda::almt
