#include "kuda/training/checkpoint.h"

#include <nlohmann/json.hpp>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/io/safetensors.h"
#include "kuda/text/state_dict.h"

namespace kuda {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

json shape_json(const DataShape& s) {
  return {{"text_length", s.text_length},
          {"text_width", s.text_width},
          {"vision_length", s.vision_length},
          {"vision_width", s.vision_width},
          {"audio_length", s.audio_length},
          {"audio_width", s.audio_width},
          {"present", s.present}};
}

DataShape shape_of_json(const json& j) {
  DataShape s;
  s.text_length = j.at("text_length");
  s.text_width = j.at("text_width");
  s.vision_length = j.at("vision_length");
  s.vision_width = j.at("vision_width");
  s.audio_length = j.at("audio_length");
  s.audio_width = j.at("audio_width");
  s.present = j.at("present");
  return s;
}

/// The model of the facts: the main one, or that of a pretraining task.
std::shared_ptr<Model> build(const RunConfig& config, const CheckpointFacts& facts) {
  const auto& info = find_model(config.model);
  const TextEncoder text{facts.bert, ""};  // weights come from the checkpoint
  if (facts.task == kMainTask) return info.make(*config.model_config, facts.shape, text);
  for (const auto& task : info.pretrain_tasks(*config.model_config, facts.shape, facts.shape, text))
    if (task.name == facts.task) return task.make();
  throw CheckpointError("model '" + config.model + "' has no task '" + facts.task + "'");
}

}  // namespace

void save_checkpoint(const fs::path& folder, const Model& model, RunConfig& config, const CheckpointFacts& facts,
                     const WordPiece* tokenizer, const std::optional<Normaliser>& normaliser) {
  fs::create_directories(folder);
  const json description{{"format", 1},
                         {"task", facts.task},
                         {"shape", shape_json(facts.shape)},
                         {"text_encoder", json::parse(facts.bert.to_json())},
                         {"metric_family", metric_family_name(facts.family)},
                         {"score_low", facts.score_low},
                         {"score_high", facts.score_high},
                         {"data_name", facts.data_name},
                         {"data_fingerprint", facts.data_fingerprint},
                         {"source_sha256", facts.source_sha256},
                         {"is_synthetic", facts.is_synthetic},
                         {"run", config.to_toml()}};
  auto state = state_of(model);
  std::erase_if(state, [&](const auto& entry) { return !model.is_saved(entry.first); });
  io::write_safetensors(folder / "model.safetensors", state);
  if (tokenizer != nullptr) write_file(folder / "vocab.txt", read_file(tokenizer->path()));
  if (normaliser) normaliser->save(folder / "normaliser.safetensors");
  write_file(folder / "config.json", description.dump(2) + "\n");  // last: its presence says the folder is whole
}

Checkpoint load_checkpoint(const fs::path& folder) {
  const auto path = folder / "config.json";
  if (!fs::exists(path))
    throw CheckpointError(folder.string() + ": not a checkpoint folder (no config.json)",
                          fs::exists(folder / "model" / "config.json")
                              ? "did you mean " + (folder / "model").string() + "?"
                              : "a run leaves one at RUN/model");
  Checkpoint checkpoint;
  checkpoint.folder = folder;
  auto& facts = checkpoint.facts;
  try {
    const auto j = json::parse(read_file(path));
    facts.task = j.at("task");
    facts.shape = shape_of_json(j.at("shape"));
    facts.bert = BertConfig::parse(j.at("text_encoder").dump(), path.string());
    facts.family = metric_family(j.at("metric_family").get<std::string>());
    facts.score_low = j.at("score_low");
    facts.score_high = j.at("score_high");
    facts.data_name = j.at("data_name");
    facts.data_fingerprint = j.at("data_fingerprint");
    facts.source_sha256 = j.value("source_sha256", "");
    facts.is_synthetic = j.at("is_synthetic");
    checkpoint.config = RunConfig::parse(j.at("run"), path.string());
  } catch (const json::exception& error) {
    throw CheckpointError(path.string() + ": damaged: " + error.what());
  }
  checkpoint.model = build(checkpoint.config, facts);
  try {
    load_state(*checkpoint.model, io::read_safetensors(folder / "model.safetensors"));
    if (fs::exists(folder / "vocab.txt")) checkpoint.tokenizer = WordPiece::load(folder / "vocab.txt");
    if (fs::exists(folder / "normaliser.safetensors"))
      checkpoint.normaliser = Normaliser::load(folder / "normaliser.safetensors");
  } catch (const FormatError& error) {
    throw CheckpointError(error.what(), "the checkpoint is damaged; take another copy");
  }
  checkpoint.model->eval();
  return checkpoint;
}

}  // namespace kuda
