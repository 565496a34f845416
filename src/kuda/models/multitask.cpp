#include "kuda/models/multitask.h"

#include <fmt/format.h>

#include "kuda/base/error.h"
#include "kuda/nn/own_labels.h"
#include "kuda/tensor/dropout.h"
#include "kuda/tensor/register_at.h"

namespace kuda {

using torch::Tensor;
namespace nn = torch::nn;

namespace {

constexpr const char* kBankName = "label_bank";
/// Where each head's module stands under the published names, in the order of kLabelHeads.
constexpr std::array<const char*, 4> kHeadNames{"fusion", "text", "audio", "video"};
/// Of the heads text, audio and vision.
constexpr std::array<Modality, 3> kHeadModalities{Modality::text, Modality::audio, Modality::vision};

std::string feature_term(std::size_t head) { return fmt::format("feature/{}", kLabelHeads[head]); }

}  // namespace

void MultitaskOptions::describe_shared(Fields& fields) {
  fields.add("audio_hidden", audio_hidden, "width of the audio LSTM", at_least(1));
  fields.add("vision_hidden", vision_hidden, "width of the vision LSTM", at_least(1));
  fields.add("fusion_width", fusion_width, "width of the multimodal head", at_least(1));
  fields.add("text_width", text_width, "width of the text head", at_least(1));
  fields.add("audio_width", audio_width, "width of the audio head", at_least(1));
  fields.add("vision_width", vision_width, "width of the vision head", at_least(1));
  fields.add("dropout_fusion", dropout_fusion, "dropout before the multimodal head", between(0, 1));
  fields.add("dropout_text", dropout_text, "dropout before the text head", between(0, 1));
  fields.add("dropout_audio", dropout_audio, "dropout before the audio head", between(0, 1));
  fields.add("dropout_vision", dropout_vision, "dropout before the vision head", between(0, 1));
  fields.add("finetune_text", finetune_text, "false: the text encoder stays as it was loaded");
  fields.add("label_limit", label_limit, "generated labels stay within plus and minus this (published name: H)",
             at_least(0));
  fields.add("exclude_zero", exclude_zero,
             "clips of label 0 belong to no centre (MMSA); false: to the positive one (authors' repository)");
  fields.add("keep_empty_centres", keep_empty_centres,
             "a centre without a clip keeps its value; false, as published: it becomes NaN");
  fields.add("own_labels", own_labels,
             "weight of an additional loss: each modality's head against the clip's own label of that modality, where "
             "it has one; 0, as published: no such loss",
             at_least(0));
  fields.add("lr_text", lr_text, "learning rate of the text encoder", at_least(0));
  fields.add("lr_audio", lr_audio, "learning rate of the audio encoder", at_least(0));
  fields.add("lr_vision", lr_vision, "learning rate of the vision encoder", at_least(0));
  fields.add("lr_other", lr_other, "learning rate of everything else", at_least(0));
  fields.add("decay_text", decay_text, "weight decay of the text encoder (not its biases and norms)", at_least(0));
  fields.add("decay_audio", decay_audio, "weight decay of the audio encoder", at_least(0));
  fields.add("decay_vision", decay_vision, "weight decay of the vision encoder", at_least(0));
  fields.add("decay_other", decay_other, "weight decay of everything else", at_least(0));
}

MultitaskModel::MultitaskModel(const MultitaskOptions& options, const DataShape& shape, const TextEncoder& text,
                               const char* name)
    : options_(options) {
  for (const bool is_present : shape.present)
    if (!is_present)
      throw ConfigError(
          fmt::format("{} needs all three modalities: each has a head and generated labels of its own", name),
          "use modalities text, vision and audio, or another model");
  bert_ = register_at(*this, "text_model.model", Bert(text.bert));
  if (!text.folder.empty()) load_bert_weights(*bert_, text.folder);
  if (!options.finetune_text)
    for (auto& parameter : bert_->parameters()) parameter.requires_grad_(false);
  const UnimodalLabelOptions bank{{options.fusion_width, options.text_width, options.audio_width, options.vision_width},
                                  options.label_limit,
                                  options.exclude_zero,
                                  options.keep_empty_centres};
  bank_ = register_module(kBankName, UnimodalLabels(bank));
}

void MultitaskModel::add_heads(const std::array<std::int64_t, 4>& input_widths) {
  const std::array<std::int64_t, 4> widths{options_.fusion_width, options_.text_width, options_.audio_width,
                                           options_.vision_width};
  const std::array<double, 4> dropouts{options_.dropout_fusion, options_.dropout_text, options_.dropout_audio,
                                       options_.dropout_vision};
  for (std::size_t head = 0; head < 4; ++head) {
    const auto layer = [&](int index, std::int64_t input, std::int64_t output) {
      return register_module(fmt::format("post_{}_layer_{}", kHeadNames[head], index), Linear(input, output));
    };
    const auto width = widths[head];
    heads_[head] = {layer(1, input_widths[head], width), layer(2, width, width), layer(3, width, 1), dropouts[head]};
  }
}

Tensor MultitaskModel::encode_text(const Batch& batch) {
  torch::AutoGradMode recording(torch::GradMode::is_enabled() && options_.finetune_text);
  return bert_->forward(batch.text_ids, batch.text_segments, batch.text_padding).back();
}

Output MultitaskModel::score(const PerHead& inputs, Trace* trace) {
  Output output;
  for (std::size_t head = 0; head < 4; ++head) {
    auto& layers = heads_[head];
    const auto dropped = hash_dropout(inputs[head], layers.dropout, is_training());  // [B, input]
    const auto feature = torch::relu(layers.layer1(dropped));                        // [B, width]
    const auto score = layers.layer3(torch::relu(layers.layer2(feature)));           // [B, 1]
    (head == 0 ? output.score : output.unimodal[kHeadModalities[head - 1]]) = score.squeeze(1);
    output.terms.emplace_back(feature_term(head), feature);
    if (trace != nullptr) trace->keep(feature_term(head), feature);
  }
  return output;
}

Losses MultitaskModel::loss(const Output& output, const Batch& batch) {
  if (!is_training() || !bank_->has_begun()) {
    const auto error = (output.score - batch.label).abs().mean();
    return {error, {{"fusion", error}}};
  }
  const auto wanted = bank_->labels(batch.rows);  // [4, B]
  Losses losses;
  losses.total = (output.score - wanted[0]).abs().mean();
  losses.terms.emplace_back(kLabelHeads[0], losses.total);
  for (std::size_t head = 1; head < 4; ++head) {
    const auto& score = output.unimodal[kHeadModalities[head - 1]];
    const auto label = wanted[static_cast<std::int64_t>(head)];
    const auto weight = (label - wanted[0]).abs().tanh();  // 0 in the first epoch
    const auto term = (weight * (score - label).abs()).mean();
    losses.terms.emplace_back(kLabelHeads[head], term);
    losses.total = losses.total + term;
  }
  if (options_.own_labels > 0) {
    losses.terms.emplace_back("own labels", own_label_error(output.unimodal, batch));
    losses.total = losses.total + options_.own_labels * losses.terms.back().second;
  }
  return losses;
}

std::vector<ParameterGroup> MultitaskModel::parameter_groups() {
  const auto group = [](double lr, double decay) {
    ParameterGroup result;
    result.lr = lr;
    result.weight_decay = decay;
    return result;
  };
  std::vector<ParameterGroup> groups{group(options_.lr_text, options_.decay_text), group(options_.lr_text, 0),
                                     group(options_.lr_audio, options_.decay_audio),
                                     group(options_.lr_vision, options_.decay_vision),
                                     group(options_.lr_other, options_.decay_other)};
  for (const auto& item : named_parameters()) {
    if (!item.value().requires_grad()) continue;
    const auto& name = item.key();
    std::size_t index = 4;
    if (name.starts_with("text_model."))
      index = name.find("bias") != std::string::npos || name.find("LayerNorm.weight") != std::string::npos ? 1 : 0;
    else if (name.starts_with("audio_model."))
      index = 2;
    else if (name.starts_with("video_model."))
      index = 3;
    groups[index].parameters.push_back(item.value());
  }
  return groups;
}

bool MultitaskModel::is_saved(std::string_view name) const { return !name.starts_with(kBankName); }

void MultitaskModel::begin_training(const TrainingFacts& facts) {
  bank_->begin_training(facts.rows, facts.labels().to(heads_[0].layer1->weight.device()));
}

void MultitaskModel::after_backward(const Output& output, const Batch& batch) {
  if (!bank_->has_begun()) return;
  PerHead features;
  for (std::size_t head = 0; head < 4; ++head) features[head] = as_float32(output.terms[head].second);
  bank_->update(features, batch.rows, epoch_);
}

void describe_multitask(ModelInfo& info) {
  info.text = TextInput::tokens;
  info.reference = "thuiar/MMSA a94e65d (MIT)";
  info.features = {
      {"text", "feature/text"}, {"vision", "feature/vision"}, {"audio", "feature/audio"}, {"fused", "feature/fusion"}};
  info.state = "per training clip: generated labels and features of four heads; per head: two centres";
  info.idle_parameters = {"text_model.model.pooler."};
}

}  // namespace kuda
