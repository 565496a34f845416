#include "kuda/models/kuda/unimodal.h"

#include <fmt/format.h>

#include "kuda/base/error.h"
#include "kuda/tensor/register_at.h"

namespace kuda::kuda_model {

using torch::Tensor;
namespace nn = torch::nn;

AdapterImpl::AdapterImpl(const KudaConfig& config, std::int64_t dim) {
  const auto half = dim / 2;
  down_project_ = register_module("down_project", Linear(dim, half));
  tfencoder_ = register_module(
      "tfencoder",
      TransformerEncoder(TransformerEncoderLayerOptions{half, config.adapter_heads, dim / 4, config.dropout_adapter},
                         config.adapter_depth_inner));
  up_project_ = register_module("up_project", Linear(half, dim));
}

Tensor AdapterImpl::forward(const Tensor& z, const Tensor& padding) {
  return up_project_(tfencoder_(down_project_(z), padding).back()) + z;
}

SequenceEncoderImpl::SequenceEncoderImpl(const KudaConfig& config, std::int64_t length, std::int64_t input_width)
    : length_(length), width_(input_width) {
  const auto d = config.sequence_width;
  proj_ = register_at(*this, "pos_encoder.proj", Linear(input_width, d));
  positions_ = module_at(*this, "pos_encoder").register_parameter("position_embeddings", torch::zeros({1, length, d}));
  layers_ = register_module(
      "tfencoder",
      TransformerEncoder(TransformerEncoderLayerOptions{d, config.sequence_heads, d / 2, config.dropout_sequence},
                         config.sequence_layers));
}

std::vector<Tensor> SequenceEncoderImpl::forward(const Tensor& x, const Tensor& padding) {
  if (x.size(2) != width_ || x.size(1) > length_)
    throw ShapeError(fmt::format("sequence of {} frames x {} features, but the model was built for {} x {}", x.size(1),
                                 x.size(2), length_, width_),
                     "the features come from another extractor or data set than the model's");
  return layers_(proj_(x) + positions_.slice(1, 0, x.size(1)), padding);  // each [B, L, d]
}

KnowledgeEncoderImpl::KnowledgeEncoderImpl(const KudaConfig& config, Bert bert)
    : bert_(register_module("model", std::move(bert))), width_(bert_->config().hidden_size) {
  add_adapters(config, text_adapter_layers(config, bert_->config().num_hidden_layers));
}

KnowledgeEncoderImpl::KnowledgeEncoderImpl(const KudaConfig& config, SequenceEncoder sequence)
    : sequence_(register_module("tfencoder", std::move(sequence))), width_(config.sequence_width) {
  std::vector<std::int64_t> layers;
  for (std::int64_t layer = 1; layer <= config.sequence_adapters; ++layer) layers.push_back(layer);
  add_adapters(config, layers);
}

void KnowledgeEncoderImpl::add_adapters(const KudaConfig& config, std::vector<std::int64_t> layers) {
  layers_ = std::move(layers);
  register_module("adapters", adapters_);
  for (std::size_t i = 0; config.adapters && i < layers_.size(); ++i) {
    adapters_->push_back(Adapter(config, width_));
    if (i > 0) copy_state(*adapters_[0], *adapters_[i]);  // the published code deep-copies one adapter
  }
  layernorm_ = register_module("layernorm", nn::LayerNorm(nn::LayerNormOptions({width_})));
}

Tensor KnowledgeEncoderImpl::forward(const Tensor& x, const Tensor& segments, const Tensor& padding) {
  const auto hidden = bert_.is_empty() ? sequence_(x, padding) : bert_->forward(x, segments, padding);
  const auto last = bert_.is_empty() ? layernorm_(hidden.back()) : hidden.back();  // H, [B, L, d]
  if (adapters_->is_empty()) return last;
  auto knowledge = hidden.front();
  for (std::size_t i = 0; i < adapters_->size(); ++i) {
    const auto z = layernorm_(knowledge + hidden[static_cast<std::size_t>(layers_[i])]);
    knowledge = adapters_[i]->as<Adapter>()->forward(z, padding);  // K_i, [B, L, d]
  }
  return torch::cat({last, knowledge}, -1);  // U, [B, L, 2d]
}

DecoderImpl::DecoderImpl(std::int64_t input_width, std::int64_t encoder_width) {
  const auto d = encoder_width;
  mlp_ = register_module("MLP", nn::Sequential(Linear(input_width, d / 2), nn::GELU(), Linear(d / 2, d / 4), nn::GELU(),
                                               Linear(d / 4, d / 8), nn::GELU(), Linear(d / 8, 1)));
}

UnimodalImpl::UnimodalImpl(const KudaConfig& config, KnowledgeEncoder encoder) : mask_mean_(config.mask_decoder_mean) {
  encoder_ = register_module("encoder", std::move(encoder));
  if (config.decoders) decoder_ = register_module("decoder", Decoder(encoder_->output_width(), encoder_->width()));
}

UnimodalOutput UnimodalImpl::forward(const Tensor& x, const Tensor& segments, const Tensor& padding) {
  UnimodalOutput output{encoder_(x, segments, padding), padding, {}, {}};
  if (!decoder_.is_empty())
    output.prediction = decoder_(mean_over_time(output.features, mask_mean_ ? padding : Tensor()));
  if (!trust_.is_empty()) output.distance = trust_(output.features, padding);
  return output;
}

bool is_knowledge(std::string_view name) {
  return name.find("adapter") != std::string_view::npos || name.find("decoder") != std::string_view::npos;
}

void UnimodalImpl::freeze_knowledge(bool is_frozen) {
  for (auto& item : named_parameters())
    if (is_knowledge(item.key())) item.value().requires_grad_(!is_frozen);
}

Unimodal make_unimodal(Modality modality, const KudaConfig& config, const DataShape& shape, const TextEncoder& text) {
  if (modality == Modality::text) {
    auto bert_config = text.bert;
    bert_config.dropout = config.dropout_text;
    Bert bert(bert_config);
    if (!text.folder.empty()) load_bert_weights(*bert, text.folder);
    return Unimodal(config, KnowledgeEncoder(config, bert));
  }
  return Unimodal(config,
                  KnowledgeEncoder(config, SequenceEncoder(config, shape.length[modality], shape.width[modality])));
}

bool has_modality(const Batch& batch, Modality modality) {
  return modality == Modality::text ? batch.text_ids.defined() : batch[modality].values.defined();
}

UnimodalOutput run_unimodal(Modality modality, Unimodal& module, const Batch& batch) {
  if (modality == Modality::text) return module(batch.text_ids, batch.text_segments, batch.text_padding);
  const auto& sequence = batch[modality];
  return module(sequence.values, Tensor(), sequence.padding);
}

Tensor mean_over_time(const Tensor& values, const Tensor& padding) {
  const auto x = as_float32(values);  // bfloat16 cannot count beyond 256 frames
  if (!padding.defined()) return x.mean(1);
  const auto weight = padding.logical_not().to(x.scalar_type()).unsqueeze(-1);  // [B, L, 1]
  return (x * weight).sum(1) / weight.sum(1);
}

}  // namespace kuda::kuda_model
