#include "kuda/apps/scoring.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "kuda/base/error.h"
#include "kuda/base/names.h"

namespace kuda {

namespace {

std::filesystem::path checkpoint_folder(const std::filesystem::path& folder) {
  const bool is_run =
      !std::filesystem::exists(folder / "config.json") && std::filesystem::exists(folder / "model" / "config.json");
  return is_run ? folder / "model" : folder;
}

void check_width(const Checkpoint& checkpoint, const Dataset& dataset, Modality modality, std::int64_t expected,
                 std::int64_t found) {
  if (expected == found) return;
  throw CheckpointError(
      fmt::format("{}: {}: expected {} features a frame, found {} in {}", checkpoint.folder.string(),
                  modality_name(modality), expected, found, dataset.source),
      fmt::format("the model was trained on '{}'; another extractor or another data set made these features",
                  checkpoint.facts.data_name));
}

torch::Device device_of(const std::string& name) {
  if (name != "cpu" && name != "cuda") throw UsageError("--device: expected cpu or cuda, found '" + name + "'");
  if (name == "cuda" && !torch::cuda::is_available()) throw UsageError("--device: no CUDA device is available");
  return {name == "cuda" ? torch::kCUDA : torch::kCPU};
}

}  // namespace

Scorer::Scorer(const std::filesystem::path& folder, const Dataset& dataset, ScoringOptions options)
    : dataset_(dataset), options_(std::move(options)), checkpoint_(load_checkpoint(checkpoint_folder(folder))) {
  if (options_.batch_size < 1) throw UsageError("--batch: expected at least 1");
  const auto config = data_config();
  const auto& shape = checkpoint_.facts.shape;
  if (config.uses(Modality::vision) && dataset.vision)
    check_width(checkpoint_, dataset, Modality::vision, shape.vision_width, dataset.vision->width());
  if (config.uses(Modality::audio) && dataset.audio)
    check_width(checkpoint_, dataset, Modality::audio, shape.audio_width, dataset.audio->width());
  collator_ = std::make_unique<Collator>(dataset, checkpoint_.tokenizer ? &*checkpoint_.tokenizer : nullptr, config,
                                         checkpoint_.normaliser);
  checkpoint_.model->to(device_of(options_.device));
}

DataConfig Scorer::data_config() const {
  DataConfig config = checkpoint_.config.collate;
  const auto& facts = checkpoint_.facts;
  std::vector<std::string> trained;
  for (const Modality modality : kModalities)
    if (facts.shape.present[static_cast<std::size_t>(modality)] && config.uses(modality) &&
        (facts.task == kMainTask || facts.task == modality_name(modality)))
      trained.emplace_back(modality_name(modality));
  for (const auto& name : options_.modalities)
    if (std::find(trained.begin(), trained.end(), name) == trained.end())
      throw ConfigError(fmt::format("--modalities: {} was trained without {}", checkpoint_.folder.string(), name),
                        "it knows " + join(trained));
  config.modalities = options_.modalities.empty() ? trained : options_.modalities;
  config.text_length = facts.shape.text_length;
  config.vision_length = facts.shape.vision_length;
  config.audio_length = facts.shape.audio_length;
  config.target = "multimodal";
  config.crop = checkpoint_.model->is_padding_invariant();
  return config;
}

std::vector<Prediction> Scorer::predict(const std::vector<std::int64_t>& rows) const {
  PredictOptions options;
  options.batch_size = options_.batch_size;
  options.device = device_of(options_.device);
  options.task = "predict";
  options.progress = options_.progress;
  options.stop = options_.stop;
  const auto collate = [this](const std::vector<std::int64_t>& part) { return (*collator_)(part); };
  return predict_dataset(*checkpoint_.model, collate, dataset_, rows, options);
}

std::vector<std::string> Scorer::notes() const {
  std::vector<std::string> notes;
  const auto& facts = checkpoint_.facts;
  if (facts.data_fingerprint != dataset_.fingerprint)
    notes.push_back(fmt::format("{} was trained on other data ('{}')", checkpoint_.folder.string(), facts.data_name));
  if (facts.task != kMainTask)
    notes.push_back(
        fmt::format("{} is stage 1 of {}: its score is that of one modality", checkpoint_.folder.string(), facts.task));
  if (!options_.modalities.empty()) notes.push_back("only " + join(options_.modalities) + " is used");
  if (checkpoint_.config.train.select == "test")
    notes.push_back(checkpoint_.folder.string() + ": epoch chosen on the test split: a diagnostic, not a result");
  return notes;
}

std::vector<std::int64_t> rows_of(const Dataset& dataset, const std::string& split) {
  if (split != "all") return dataset.rows(split_from(split));
  std::vector<std::int64_t> rows(dataset.clips.size());
  std::iota(rows.begin(), rows.end(), 0);
  return rows;
}

std::vector<float> known_labels(const Dataset& dataset, const std::vector<std::int64_t>& rows) {
  std::vector<float> labels;
  for (const auto row : rows) {
    const float label = dataset.clips[static_cast<std::size_t>(row)].label;
    if (!std::isnan(label)) labels.push_back(label);
  }
  return labels;
}

}  // namespace kuda
