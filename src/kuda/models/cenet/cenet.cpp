#include "kuda/models/cenet/cenet.h"

#include <fmt/format.h>

#include "kuda/base/error.h"
#include "kuda/nn/own_labels.h"
#include "kuda/tensor/dropout.h"
#include "kuda/tensor/register_at.h"

namespace kuda::cenet {

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

constexpr std::int64_t kRobertaFirstPosition = 2;  ///< of RoBERTa's table; rows 0 and 1 are not positions

/// Of every table that has one.
void clear_padding_rows(nn::Module& module) {
  const torch::NoGradGuard no_grad;
  for (const auto& child : module.modules())
    if (auto* table = child->as<nn::Embedding>(); table != nullptr && table->options.padding_idx())
      table->weight[*table->options.padding_idx()].zero_();
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
  bert_ = register_module(config.is_codebook() ? "roberta" : "bert", Bert(text.bert));
  if (!text.folder.empty()) load_bert_weights(*bert_, text.folder);  // before the modules that no BERT file has
  add_tag_tables(module_at(*bert_, "embeddings"), width);
  enhancement_ = register_at(*bert_, "encoder.CE", Enhancement(config, shape, width));
  auto& classifier = module_at(*this, "classifier");
  dense_ = classifier.register_module("dense", Linear(width, width));
  score_ = classifier.register_module("out_proj", Linear(width, 1));
  init_as_bert(*enhancement_);
  if (!config.is_codebook()) init_as_bert(classifier);  // the authors' code leaves it to PyTorch
  if (config.is_codebook() && !config.reference_quirks) clear_padding_rows(*bert_);
  if (config.own_labels > 0)  // last: nothing else draws other values because of them
    for (const auto m : kModalities)
      own_heads_[m] = register_at(*this, fmt::format("own.{}", modality_name(m)), Linear(width, 1));
}

/// Tables of SentiLARE's word polarity, part of speech and sentence polarity; the last row of each means none. MMSA's
/// model has them but is never given their ids; there they exist because its checkpoints have them.
void Cenet::add_tag_tables(nn::Module& embeddings, std::int64_t width) {
  const auto add = [&](const char* name, std::int64_t rows) {
    auto table =
        embeddings.register_module(name, nn::Embedding(nn::EmbeddingOptions(rows, width).padding_idx(rows - 1)));
    init_as_bert(*table);  // the row of none too
    table->weight.requires_grad_(config_.is_codebook());
    return table;
  };
  for (auto& parameter : embeddings.named_parameters()) parameter.value().requires_grad_(config_.trains_embeddings());
  word_polarity_ = add("senti_embeddings", 3);
  part_of_speech_ = add("pos_tag_embeddings", 5);
  sentence_polarity_ = add("polarity_embeddings", 6);
}

Tensor Cenet::embed(const Batch& batch, const WordTags& tags) {
  if (!config_.is_codebook()) return bert_->embed(batch.text_ids, batch.text_segments);
  const auto look_up = [&](nn::Embedding& table, const Tensor& ids) {
    return table(ids.defined() ? ids : torch::full_like(batch.text_ids, table->options.padding_idx().value()));
  };
  const auto added = look_up(word_polarity_, tags.word_polarity) + look_up(part_of_speech_, tags.part_of_speech) +
                     look_up(sentence_polarity_, tags.sentence_polarity);  // [B, Lt, H]
  return bert_->embed(batch.text_ids, batch.text_segments, added, config_.reference_quirks ? kRobertaFirstPosition : 0);
}

Output Cenet::forward(const Batch& batch, const WordTags& tags, Trace* trace) {
  Tensor hidden;
  {
    // MMSA's code keeps the tables out of the graph, so Adam never moves them.
    const torch::AutoGradMode recording(torch::GradMode::is_enabled() && config_.trains_embeddings());
    hidden = embed(batch, tags);  // [B, Lt, H]
  }
  if (trace != nullptr) trace->keep("embeddings", hidden);
  const auto layers = static_cast<std::size_t>(bert_->config().num_hidden_layers);
  const bool has_own_heads = config_.own_labels > 0;
  PerModality<Tensor> means;
  for (std::size_t layer = 0; layer < layers; ++layer) {
    if (layer == kEnhancedLayer) hidden = enhancement_(hidden, batch, has_own_heads ? &means : nullptr, trace);
    hidden = bert_->run_layer(layer, hidden, batch.text_padding);
    if (trace != nullptr) trace->keep(fmt::format("layer{}", layer), hidden);
  }
  const auto drop = [&](const Tensor& x) { return hash_dropout(x, bert_->config().dropout, is_training()); };
  const auto sentence = dense_(drop(hidden.select(1, 0))).tanh();  // [B, H]
  if (trace != nullptr) trace->keep("sentence", sentence);
  Output output;
  output.score = score_(drop(sentence)).squeeze(1);
  if (has_own_heads)
    for (const auto m : kModalities) output.unimodal[m] = own_heads_[m](means[m]).squeeze(1);
  return output;
}

Losses Cenet::loss(const Output& output, const Batch& batch) {
  const auto difference = output.score - batch.label;
  const auto error = (config_.is_codebook() ? difference.square() : difference.abs()).mean();
  Losses losses{error, {{"task", error}}};
  if (config_.own_labels > 0 && is_training()) {
    losses.terms.emplace_back("own labels", own_label_error(output.unimodal, batch));
    losses.total = error + config_.own_labels * losses.terms.back().second;
  }
  return losses;
}

std::vector<std::string> Cenet::notes() const {
  if (!config_.is_codebook()) return {};
  return {
      "cenet: data sets name neither the part of speech nor the polarity of a word: the tables of both stay at 'none'"};
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

ModelInfo info() {
  ModelInfo info;
  info.name = "cenet";
  info.title = "CENet";
  info.paper = "Wang et al., IEEE TMM 2022";
  info.kind = "text centre";
  info.year = 2022;
  info.text = TextInput::tokens;
  info.reference = "thuiar/MMSA a94e65d (MIT); codebook: Say2L/CENet e208a83";
  info.features = {{"text", "mean/T"}, {"vision", "mean/V"}, {"audio", "mean/A"}, {"fused", "sentence"}};
  info.idle_parameters = {"bert.pooler.", "roberta.pooler."};
  // The authors ship cluster ids with their data, not the centres that give them.
  info.is_unpublished = [](std::string_view name) { return name.find("_codebook.") != std::string_view::npos; };
  info.exceptions = {{"NonFiniteInputGivesANonFiniteTerm/cenet_codebook",
                      "frames become cluster ids before anything else, and a frame that is NaN gets one too"}};
  info.set_makers<Cenet, CenetConfig>();
  return info;
}

}  // namespace kuda::cenet
