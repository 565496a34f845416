#include "kuda/models/bbfn/bbfn.h"

#include <fmt/format.h>

#include "kuda/base/error.h"
#include "kuda/nn/freezing.h"
#include "kuda/nn/pooling.h"
#include "kuda/tensor/dropout.h"
#include "kuda/tensor/register_at.h"

namespace kuda::bbfn {

using torch::Tensor;

Bbfn::Bbfn(const BbfnConfig& config, const DataShape& shape, const TextEncoder& text)
    : config_(config), present_(shape.present) {
  check(config);
  if (!present_.text || (!present_.vision && !present_.audio))
    throw ConfigError("bbfn needs the modalities text and at least one of vision and audio",
                      "each of its fusions joins text with another modality; add them to --modalities");
  auto text_width = config.embedding_width;
  if (config.text == BbfnConfig::Text::bert) {
    auto bert_config = text.bert;
    bert_config.dropout = config.dropout_text;
    text_width = bert_config.hidden_size;
    bert_ = register_at(*this, "embedding.bertmodel", Bert(bert_config));
    if (!text.folder.empty()) load_bert_weights(*bert_, text.folder);
    freeze_layers(*bert_, config.frozen_layers);
  } else {
    embedding_ = register_at(*this, "embedding.embed", torch::nn::Embedding(text.bert.vocab_size, text_width));
  }
  auto& encoders = module_at(*this, "SequenceEncoder");
  text_ = Encoder(encoders, config, "l", text_width, config.kernel_text);
  if (present_.vision) vision_ = Encoder(encoders, config, "v", shape.width.vision, config.kernel_vision);
  if (present_.audio) audio_ = Encoder(encoders, config, "a", shape.width.audio, config.kernel_audio);
  if (present_.vision) with_vision_ = register_at(*this, "modal_interaction.lv", Pair(config));
  if (present_.audio) with_audio_ = register_at(*this, "modal_interaction.la", Pair(config));
  const auto width = 2 * config.width * (present_.vision && present_.audio ? 2 : 1);  // text and other of each pair
  proj1_ = register_module("proj1", Linear(width, width));
  proj2_ = register_module("proj2", Linear(width, width));
  output_ = register_module("out_layer", Linear(width, 1));
}

Positions Bbfn::positions(const Batch& batch) const {
  const auto text_lengths = batch.text_padding.logical_not().sum(1);  // [B]
  if (config_.align == BbfnConfig::Align::pool)
    return {batch.text_padding, batch.text_padding.logical_not().to(torch::kFloat32), text_lengths};
  // As published: n counts words (and the two frames around them), the separators' sums use BERT's mask of word pieces.
  const bool is_bert = !bert_.is_empty();
  const auto words = present_.vision ? batch.vision.lengths : batch.audio.lengths;
  const auto lengths = is_bert ? words + 2 : words;
  const auto padding = torch::arange(batch.text_ids.size(1), lengths.options()).unsqueeze(0) >= lengths.unsqueeze(1);
  return {padding, (is_bert ? batch.text_padding : padding).logical_not().to(torch::kFloat32), lengths};
}

Tensor Bbfn::aligned(const Tensor& x, std::int64_t text_length) const {
  if (config_.align == BbfnConfig::Align::pool) return pool_to_length(x, text_length);
  const std::int64_t around = bert_.is_empty() ? 0 : 1;
  if (x.size(1) + 2 * around != text_length)
    throw ShapeError(fmt::format("bbfn.align = \"words\": {} frames for {} word pieces, expected {}", x.size(1),
                                 text_length, text_length - 2 * around),
                     "use bbfn.align = \"pool\" for data that are not aligned so");
  return torch::constant_pad_nd(x, {0, 0, around, around});
}

Output Bbfn::forward(const Batch& batch, Trace* trace) {
  const auto keep = [&](const std::string& name, const Tensor& x) {
    if (trace != nullptr) trace->keep(name, x);
  };
  const auto encode = [&](Encoder& encoder, const Tensor& x, const Positions& at, const char* letter) {
    auto encoded = encoder.forward(x, at);
    keep(std::string("seq_") + letter, encoded.sequence);
    keep(std::string("h_") + letter, encoded.vector);
    return encoded;
  };
  const auto at = positions(batch);
  const auto length = batch.text_ids.size(1);  // T
  Tensor words;                                // [B, T, D]
  if (bert_.is_empty()) {
    words = hash_dropout(embedding_(batch.text_ids), config_.dropout_embedding, is_training());
  } else {
    words = bert_->forward(batch.text_ids, batch.text_segments, batch.text_padding).back();
    keep("bert_last", words);
  }
  const auto text = encode(text_, words, at, "l");
  std::vector<Tensor> features, guesses;
  const auto fuse = [&](Pair& pair, const Encoder::Result& other, const char* name) {
    const auto fused = pair->forward(text, other, at, name, trace);
    features.push_back(fused.text.select(1, 0));  // [CLS], or the first word
    features.push_back(fused.other.select(1, 0));
    guesses.insert(guesses.end(), fused.guesses.begin(), fused.guesses.end());
  };
  if (present_.audio) fuse(with_audio_, encode(audio_, aligned(batch.audio.values, length), at, "a"), "la");
  if (present_.vision) fuse(with_vision_, encode(vision_, aligned(batch.vision.values, length), at, "v"), "lv");

  const auto joined = torch::cat(features, -1);  // [B, 4E]
  keep("joined", joined);
  const auto inner = proj2_(hash_dropout(proj1_(joined).relu(), config_.dropout_output, is_training()));
  Output output;
  output.score = output_(inner + joined).squeeze(-1);  // [B]

  const auto guess = torch::stack(guesses);  // [pairs * layers, 2B]
  auto target = torch::zeros_like(guess);
  target.slice(1, guess.size(1) / 2).fill_(1);
  keep("disc_pred", guess.sigmoid().flatten());
  keep("disc_true", target.flatten());
  output.terms.emplace_back("discriminator", torch::binary_cross_entropy_with_logits(guess, target));
  return output;
}

Losses Bbfn::loss(const Output& output, const Batch& batch) {
  const auto error = torch::mse_loss(output.score, batch.label);
  if (config_.lambda == 0) return {error, {{"mse", error}}};
  const auto& discriminator = output.terms.front().second;
  return {error + config_.lambda * discriminator, {{"mse", error}, {"discriminator", discriminator}}};
}

std::vector<std::pair<std::string, std::string>> Bbfn::listed_twice() const {
  std::vector<std::pair<std::string, std::string>> names;
  if (config_.encoder != BbfnConfig::Encoder::lstm && config_.encoder != BbfnConfig::Encoder::gru) return names;
  for (const char m : std::string("lav")) {
    names.emplace_back(fmt::format("SequenceEncoder.linear_proj_{}_h.", m),
                       fmt::format("SequenceEncoder.proj_{}_h.0.", m));
    names.emplace_back(fmt::format("SequenceEncoder.layer_norm_{}.", m),
                       fmt::format("SequenceEncoder.proj_{}_h.1.", m));
    names.emplace_back(fmt::format("SequenceEncoder.linear_proj_{}_seq.", m),
                       fmt::format("SequenceEncoder.proj_{}_seq.0.", m));
  }
  return names;
}

ModelInfo info() {
  ModelInfo info;
  info.name = "bbfn";
  info.title = "BBFN";
  info.paper = "Han et al., ICMI 2021";
  info.kind = "text centre";
  info.year = 2021;
  info.text = TextInput::tokens;
  info.needs_alignment = true;
  info.reference = "declare-lab/BBFN 1a251bd (MIT)";
  info.features = {{"text", "h_l"}, {"vision", "h_v"}, {"audio", "h_a"}, {"fused", "joined"}};
  info.idle_parameters = {"bertmodel.pooler.", "modal_interaction.la.layer_norm.", "modal_interaction.lv.layer_norm."};
  info.set_makers<Bbfn, BbfnConfig>();
  return info;
}

}  // namespace kuda::bbfn
