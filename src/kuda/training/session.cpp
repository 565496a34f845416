#include "kuda/training/session.h"

#include "kuda/base/error.h"

namespace kuda {

Session::Session(const RunConfig& config, const std::string& path) : dataset_(open_dataset(path)) {
  const auto& info = find_model(config.model);
  const bool needs_tokens = info.text == TextInput::tokens && config.collate.uses(Modality::text);
  if (needs_tokens && config.encoder.empty())
    throw ConfigError("model '" + config.model + "' reads text, but no text encoder is given",
                      "name a folder in Hugging Face layout with --encoder (encoders/minilm after the set-up)");
  if (!config.encoder.empty()) {
    text_ = {BertConfig::load(config.encoder), config.encoder};
    tokenizer_ = WordPiece::load(std::filesystem::path(config.encoder) / "vocab.txt");
  }
  shape_ = shape_of(dataset_, config.collate, tokenizer());
}

Collator Session::collator(const DataConfig& config, const std::string& target, bool crop) const {
  auto own = config;
  own.target = target;
  own.crop = crop;
  Collator collator(dataset_, tokenizer(), own, normaliser_);
  normaliser_ = collator.normaliser();
  return collator;
}

CheckpointFacts Session::facts(const std::string& task, const DataShape& shape) const {
  CheckpointFacts facts;
  facts.task = task;
  facts.shape = shape;
  facts.bert = text_.bert;
  facts.family = dataset_.family;
  facts.score_low = dataset_.score_low;
  facts.score_high = dataset_.score_high;
  facts.data_name = dataset_.name;
  facts.data_fingerprint = dataset_.fingerprint;
  facts.source_sha256 = dataset_.source_sha256;
  facts.is_synthetic = dataset_.is_synthetic;
  return facts;
}

}  // namespace kuda
