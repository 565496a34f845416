#include "kuda/checkpoint/checkpoint.h"

#include <fmt/format.h>
#include <torch/version.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/base/folder.h"
#include "kuda/base/json_place.h"
#include "kuda/base/names.h"
#include "kuda/data/sources/recipe_file.h"
#include "kuda/io/safetensors.h"
#include "kuda/tensor/state_dict.h"
#include "kuda/tensor/zero_initial_values.h"
#include "kuda/text/tokenizer_folder.h"

namespace kuda {
namespace {

using json = nlohmann::ordered_json;
namespace fs = std::filesystem;

std::string key_of(Modality modality, const char* what) { return fmt::format("{}_{}", modality_name(modality), what); }

json to_json(const DataShape& shape) {
  json object;
  for (const auto modality : kModalities) {
    object[key_of(modality, "length")] = shape.length[modality];
    object[key_of(modality, "width")] = shape.width[modality];
  }
  object["present"] = shape.present;
  return object;
}

/// From [text, vision, audio].
template <class T, class Read>
void read_list(const JsonPlace& list, PerModality<T>& values, Read read) {
  const auto items = list.items(kModalities.size());
  for (const auto modality : kModalities) values[modality] = static_cast<T>((items[std::size_t(modality)].*read)());
}

DataShape shape_from(const JsonPlace& object) {
  DataShape shape;
  for (const auto modality : kModalities) {
    shape.length[modality] = object.at(key_of(modality, "length")).whole();
    shape.width[modality] = object.at(key_of(modality, "width")).whole();
  }
  read_list(object.at("present"), shape.present, &JsonPlace::flag);
  return shape;
}

std::string describe_json(const CheckpointFacts& facts, RunConfig& config) {
  json object{{"format", 1},
              {"model", config.model},
              {"task", facts.task},
              {"shape", to_json(facts.shape)},
              {"text_encoder", json::parse(facts.bert.to_json())},
              {"metric_family", metric_family_name(facts.family)},
              {"score_low", facts.score_low},
              {"score_high", facts.score_high},
              {"data_name", facts.data_name},
              {"data_fingerprint", facts.data_fingerprint},
              {"source_sha256", facts.source_sha256},
              {"is_synthetic", facts.is_synthetic},
              {"is_aligned", facts.is_aligned},
              {"padded_lengths", facts.padded_lengths},
              {"largest_input", facts.largest_input},
              {"seed", config.seed},
              {"epoch", facts.epoch},
              {"epochs", facts.epochs},
              {"select", facts.select},
              {"versions", build_versions()},
              {"config", config.to_toml()}};
  if (!facts.recipe.empty()) object["recipe"] = facts.recipe;
  return object.dump(2) + "\n";
}

void read_facts(const fs::path& path, Checkpoint& checkpoint) {
  auto& facts = checkpoint.facts;
  try {
    const auto parsed = parse_json(read_file(path), path.string());
    const JsonPlace object(parsed, path.string());
    if (object.at("format").whole() != 1)
      throw CheckpointError(fmt::format("{}: format {}, expected 1", path.string(), object.at("format").whole()),
                            "it was written by a newer kuda");
    facts.task = object.at("task").text();
    facts.shape = shape_from(object.at("shape"));
    facts.bert = BertConfig::parse(object.at("text_encoder").value().dump(), path.string());
    facts.family = metric_family(object.at("metric_family").text());
    facts.score_low = object.at("score_low").number();
    facts.score_high = object.at("score_high").number();
    facts.data_name = object.at("data_name").text();
    facts.data_fingerprint = object.at("data_fingerprint").text();
    facts.source_sha256 = object.at("source_sha256").text();
    if (object.has("recipe")) facts.recipe = object.at("recipe").text();
    facts.is_synthetic = object.at("is_synthetic").flag();
    facts.is_aligned = object.has("is_aligned") && object.at("is_aligned").flag();
    if (object.has("padded_lengths")) read_list(object.at("padded_lengths"), facts.padded_lengths, &JsonPlace::whole);
    if (object.has("largest_input")) read_list(object.at("largest_input"), facts.largest_input, &JsonPlace::number);
    facts.epoch = object.at("epoch").whole();
    facts.epochs = object.at("epochs").whole();
    facts.select = object.at("select").text();
    for (const auto& [name, version] : object.at("versions").entries()) facts.versions[name] = version.text();
    checkpoint.config = RunConfig::parse(object.at("config").text(), path.string());
  } catch (const FormatError& error) {  // it cannot be read
    throw CheckpointError(error.what());
  } catch (const DataError& error) {
    throw CheckpointError(error.message(), "the checkpoint is damaged: take another copy");
  }
}

fs::path checkpoint_folder(const fs::path& folder) {
  for (const auto& place : {folder, folder / "model"}) {
    std::error_code reason;
    if (fs::exists(place / "config.json", reason)) return place;
    if (reason)
      throw CheckpointError(fmt::format("{}: cannot be read: {}", (place / "config.json").string(), reason.message()));
  }
  throw CheckpointError(folder.string() + ": not a checkpoint folder: no config.json",
                        "a finished run leaves one in its folder model/");
}

void check_width(const Checkpoint& checkpoint, const Dataset& dataset, Modality modality, std::int64_t expected) {
  const auto& feature = dataset.feature(modality);
  if (!feature || feature->width() == expected) return;  // the collator names a modality that is absent
  throw CheckpointError(
      fmt::format("{}: {}: the model was built for {} features a frame, {} has {}", checkpoint.folder.string(),
                  modality_name(modality), expected, dataset.source, feature->width()),
      fmt::format("it was trained on '{}'; these features come from another extractor or data set: use a checkpoint "
                  "that was trained on them, or leave this modality out",
                  checkpoint.facts.data_name));
}

}  // namespace

std::map<std::string, std::string> build_versions() {
  return {{"kuda", KUDA_VERSION}, {"revision", KUDA_REVISION}, {"libtorch", TORCH_VERSION}, {"compiler", __VERSION__}};
}

std::shared_ptr<Model> make_model(const ModelInfo& info, const ModelConfig& config, const std::string& task,
                                  const DataShape& shape, const TextEncoder& text) {
  if (task == kMainTask) return info.make(config, shape, text);
  std::vector<std::string> known;
  if (info.pretrain_tasks)
    for (const auto& other : info.pretrain_tasks(config, shape, shape, text)) {
      if (other.name == task) return other.make();
      known.push_back(other.name);
    }
  throw CheckpointError("model '" + info.name + "' has no task '" + task + "' with these options",
                        known.empty() ? "it has none" : "one of " + join(known));
}

void save_checkpoint(const fs::path& folder, const Model& model, RunConfig& config, const CheckpointFacts& facts,
                     const WordPiece* tokenizer, const std::optional<Normaliser>& normaliser,
                     const std::optional<Calibration>& calibration) {
  make_folder(folder);
  fs::remove(folder / "config.json");
  auto state = state_of(model);
  std::erase_if(state, [&](const auto& entry) { return !model.is_saved(entry.first); });
  io::write_safetensors(folder / "model.safetensors", state, {{"format", "pt"}});  // what Python's loaders look for
  if (tokenizer != nullptr) save_tokenizer(folder, *tokenizer);
  if (normaliser) normaliser->save(folder / "normaliser.safetensors");
  if (calibration)
    calibration->save(folder / "calibration.json");
  else
    fs::remove(folder / "calibration.json");  // that of other weights
  write_file(folder / "config.json", describe_json(facts, config));
}

Checkpoint load_checkpoint(const fs::path& folder) {
  Checkpoint checkpoint;
  checkpoint.folder = checkpoint_folder(folder);
  read_facts(checkpoint.folder / "config.json", checkpoint);
  {
    const ZeroInitialValues all_are_loaded;
    checkpoint.model = make_model(find_model(checkpoint.config.model), *checkpoint.config.model_config,
                                  checkpoint.facts.task, checkpoint.facts.shape, {checkpoint.facts.bert, ""});
  }
  try {
    load_state(*checkpoint.model, io::read_safetensors(checkpoint.folder / "model.safetensors"));
    if (has_tokenizer(checkpoint.folder)) checkpoint.tokenizer = load_tokenizer(checkpoint.folder);
    if (const auto path = checkpoint.folder / "normaliser.safetensors"; fs::exists(path))
      checkpoint.normaliser = Normaliser::load(path);
    if (const auto path = checkpoint.folder / "calibration.json"; fs::exists(path))
      checkpoint.calibration = Calibration::load(path);
  } catch (const FormatError& error) {
    throw CheckpointError(error.what(), "the checkpoint is incomplete or damaged; take another copy");
  }
  checkpoint.model->eval();
  checkpoint.model->leave_out_padding();
  return checkpoint;
}

std::string recipe_of_checkpoint(const fs::path& folder) {
  Checkpoint checkpoint;
  read_facts(checkpoint_folder(folder) / "config.json", checkpoint);
  return checkpoint.facts.recipe;
}

void prepare_for_scoring(const Checkpoint& checkpoint, const torch::Device& device, Precision precision) {
  require_support(precision, device);
  checkpoint.model->to(device);
  checkpoint.model->prepare_for_scoring(precision);
}

void require_same_recipe(const Checkpoint& checkpoint, const Dataset& dataset) {
  const auto names = modalities_of(checkpoint);
  const bool reads_frames =
      std::any_of(names.begin(), names.end(), [](const auto& name) { return name != modality_name(Modality::text); });
  const auto& expected = checkpoint.facts.recipe;
  const auto found = recipe_of(dataset);
  if (!reads_frames) return;
  if (found == expected) {
    if (expected.empty() || checkpoint.facts.is_aligned == dataset.is_aligned) return;
    const char* kinds[] = {"frames at the recipe's rates", "rows of word pieces"};
    throw CheckpointError(
        fmt::format("{}: the model was trained on {}, and the data hold {} (data: {})", checkpoint.folder.string(),
                    kinds[checkpoint.facts.is_aligned ? 1 : 0], kinds[dataset.is_aligned ? 1 : 0], dataset.source),
        "pack the clips as those of the training data: kuda data pack, with or without --align words");
  }
  const auto what = expected.empty() ? "features that kuda did not make from video"
                    : found.empty()  ? "features that kuda made from video, and these it did not"
                                     : "features of another recipe: " + recipe_differences(found, expected);
  throw CheckpointError(
      fmt::format("{}: the model was trained on {} (data: {})", checkpoint.folder.string(), what, dataset.source),
      "extract the clips by the checkpoint's recipe, or give --any-recipe if you know that the numbers mean the same");
}

std::vector<std::string> modalities_of(const Checkpoint& checkpoint) {
  const auto& facts = checkpoint.facts;
  std::vector<std::string> names;
  for (const auto modality : kModalities)
    if (facts.shape.present[modality] && checkpoint.config.collate.uses(modality) &&
        (facts.task == kMainTask || facts.task == modality_name(modality)))
      names.emplace_back(modality_name(modality));
  return names;
}

Collator make_collator(const Checkpoint& checkpoint, const Dataset& dataset, const std::vector<std::string>& modalities,
                       std::optional<TextSource> text_source) {
  const auto known = modalities_of(checkpoint);
  auto config = checkpoint.config.collate;
  config.text_source = text_source.value_or(config.text_source);
  config.modalities.clear();
  for (const auto& name : modalities.empty() ? known : modalities) {
    const std::string full(modality_name(modality_from(name)));
    if (std::find(known.begin(), known.end(), full) == known.end())
      throw ConfigError(fmt::format("{}: the model was trained without {}", checkpoint.folder.string(), full),
                        "it reads " + join(known));
    config.modalities.push_back(full);
  }
  const auto& shape = checkpoint.facts.shape;
  config.text_length = shape.length.text;
  config.vision_length = shape.length.vision;
  config.audio_length = shape.length.audio;
  config.target.reset();
  config.crop = checkpoint.model->is_padding_invariant();
  for (const auto modality : {Modality::vision, Modality::audio})
    if (config.uses(modality)) check_width(checkpoint, dataset, modality, shape.width[modality]);
  return {dataset, checkpoint.tokenizer ? &*checkpoint.tokenizer : nullptr, config, checkpoint.normaliser};
}

}  // namespace kuda
