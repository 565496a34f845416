#include "kuda/models/cenet/cenet.h"

#include <fmt/format.h>

#include "kuda/base/error.h"
#include "kuda/text/dropout.h"

namespace kuda {

using torch::Tensor;
namespace nn = torch::nn;

namespace {

constexpr std::size_t kEnhancedLayer = 1;  ///< whose input is shifted
constexpr double kCenetInitialDeviation = 0.02;

/// What the published code does to every layer that is not in BERT's own checkpoint.
void init_as_bert(nn::Module& module) {
  const torch::NoGradGuard no_grad;
  for (auto& item : module.named_parameters())
    if (item.key().ends_with("bias"))
      item.value().zero_();
    else
      item.value().normal_(0, kCenetInitialDeviation);
}

/// Tables of SentiLARE's word polarity, part of speech and sentence polarity. MMSA's model has them but is never given
/// their ids; they are here because its checkpoints have them.
void add_unused_tables(nn::Module& embeddings, std::int64_t width) {
  for (const auto& [name, rows] : {std::pair("senti", 3), std::pair("pos_tag", 5), std::pair("polarity", 6)}) {
    auto table = embeddings.register_module(fmt::format("{}_embeddings", name), nn::Embedding(rows, width));
    init_as_bert(*table);
    table->weight.requires_grad_(false);
  }
}

}  // namespace

Cenet::Cenet(const CenetConfig& config, const DataShape& shape, const TextEncoder& text) : config_(config) {
  for (const bool is_present : shape.present)
    if (!is_present)
      throw ConfigError("CENet needs all three modalities: audio and vision shift the text encoder's hidden states",
                        "use modalities text, vision and audio, or another model");
  if (text.bert.num_hidden_layers < 2)
    throw ConfigError("CENet shifts the input of the text encoder's second layer, but the encoder has only one",
                      "use a text encoder with two layers or more");
  const auto width = text.bert.hidden_size;
  bert_ = register_module("bert", Bert(text.bert));
  if (!text.folder.empty()) load_bert_weights(*bert_, text.folder);  // before the modules that no BERT file has
  auto children = bert_->named_children();
  const auto embeddings = children["embeddings"];
  add_unused_tables(*embeddings, width);
  for (auto& parameter : embeddings->named_parameters())
    if (!config.train_embeddings) parameter.value().requires_grad_(false);
  enhancement_ = children["encoder"]->register_module("CE", Enhancement(config, shape, width));
  auto classifier = register_module("classifier", std::make_shared<nn::Module>());
  dense_ = classifier->register_module("dense", nn::Linear(width, width));
  score_ = classifier->register_module("out_proj", nn::Linear(width, 1));
  init_as_bert(*enhancement_);
  init_as_bert(*classifier);
}

Output Cenet::forward(const Batch& batch, Trace* trace) {
  Tensor hidden;
  {
    // The published code keeps the tables out of the graph, so Adam never moves them.
    const torch::AutoGradMode recording(torch::GradMode::is_enabled() && config_.train_embeddings);
    hidden = bert_->embed(batch.text_ids, batch.text_segments);  // [B, Lt, H]
  }
  if (trace != nullptr) trace->keep("embeddings", hidden);
  const auto layers = static_cast<std::size_t>(bert_->config().num_hidden_layers);
  for (std::size_t layer = 0; layer < layers; ++layer) {
    if (layer == kEnhancedLayer) hidden = enhancement_(hidden, batch, trace);
    hidden = bert_->run_layer(layer, hidden, batch.text_padding);
    if (trace != nullptr) trace->keep(fmt::format("layer{}", layer), hidden);
  }
  const auto drop = [&](const Tensor& x) { return hash_dropout(x, bert_->config().dropout, is_training()); };
  const auto sentence = dense_(drop(hidden.select(1, 0))).tanh();  // [B, H]
  Output output;
  output.score = score_(drop(sentence)).squeeze(1);
  return output;
}

Losses Cenet::loss(const Output& output, const Batch& batch) {
  const auto error = (output.score - batch.label).abs().mean();
  return {error, {{"task", error}}};
}

std::vector<ParameterGroup> Cenet::parameter_groups() {
  std::vector<ParameterGroup> groups(3);  // no decay, decay, enhancement (decay, biases too)
  groups[0].weight_decay = 0;
  for (const auto& item : named_parameters()) {
    if (!item.value().requires_grad()) continue;
    const auto& name = item.key();
    const bool is_enhancement = name.find(".CE.") != std::string::npos;
    const bool is_bare = name.find("bias") != std::string::npos || name.find("LayerNorm.weight") != std::string::npos;
    groups[is_enhancement ? 2 : is_bare ? 0 : 1].parameters.push_back(item.value());
  }
  return groups;
}

ModelInfo cenet_info() {
  ModelInfo info;
  info.name = "cenet";
  info.title = "CENet";
  info.paper = "Wang et al., IEEE TMM 2022";
  info.kind = "text centre";
  info.year = 2022;
  info.text = TextInput::tokens;
  info.reference = "thuiar/MMSA a94e65d (MIT)";
  info.idle_parameters = {"bert.pooler."};
  info.make_config = [] { return std::make_unique<CenetConfig>(); };
  info.make = [](const ModelConfig& config, const DataShape& shape, const TextEncoder& text) -> std::shared_ptr<Model> {
    return std::make_shared<Cenet>(dynamic_cast<const CenetConfig&>(config), shape, text);
  };
  return info;
}

}  // namespace kuda
