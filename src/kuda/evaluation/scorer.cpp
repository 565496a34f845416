#include "kuda/evaluation/scorer.h"

#include <fmt/format.h>

#include <cmath>
#include <numeric>
#include <set>
#include <unordered_map>

#include "kuda/base/error.h"
#include "kuda/base/names.h"
#include "kuda/data/clip_ids.h"
#include "kuda/tensor/device.h"

namespace kuda {

Scorer::Scorer(const std::filesystem::path& folder, const Dataset& dataset, ScoringOptions options)
    : dataset_(dataset), options_(std::move(options)), checkpoint_(load_checkpoint(folder)) {
  if (options_.batch_size < 1)
    throw ConfigError(fmt::format("batch size {}: expected at least 1", options_.batch_size));
  if (!options_.any_recipe) require_same_recipe(checkpoint_, dataset);
  collator_ = std::make_unique<Collator>(make_collator(checkpoint_, dataset, options_.modalities));
  prepare_for_scoring(checkpoint_, device_of(options_.device), precision_from(options_.precision));
}

std::vector<Prediction> Scorer::predict(const std::vector<std::int64_t>& rows, const Collate& collate) const {
  return predict_dataset(
      *checkpoint_.model, collate, dataset_, rows,
      {options_.batch_size, device_of(options_.device), checkpoint_.config.model, options_.progress, options_.stop});
}

std::vector<Prediction> Scorer::predict(const std::vector<std::int64_t>& rows) const {
  return predict(rows, [this](const std::vector<std::int64_t>& part) { return (*collator_)(part); });
}

std::vector<Prediction> Scorer::predict(const std::vector<std::int64_t>& rows, Corruption corruption) const {
  if (checkpoint_.tokenizer) corruption.unknown_id = checkpoint_.tokenizer->unknown_id();
  return predict(rows,
                 [&](const std::vector<std::int64_t>& part) { return corrupted((*collator_)(part), corruption); });
}

const Calibration* Scorer::calibration() const noexcept {
  return options_.modalities.empty() && checkpoint_.calibration ? &*checkpoint_.calibration : nullptr;
}

std::vector<std::string> Scorer::notes() const {
  std::vector<std::string> notes;
  const auto& facts = checkpoint_.facts;
  const auto name = checkpoint_.folder.string();
  if (facts.select == "published")
    notes.push_back(name + ": converted from published weights: which clips they were trained on is not recorded");
  else if (facts.data_fingerprint != dataset_.fingerprint)
    notes.push_back(fmt::format("{} was trained on other data: '{}', fingerprint {}", name, facts.data_name,
                                facts.data_fingerprint.substr(0, 12)));
  if (facts.task != kMainTask)
    notes.push_back(fmt::format("{} is the pretraining task {}: its score is that of one modality", name, facts.task));
  if (!options_.modalities.empty())
    notes.push_back(fmt::format("{}: only {} is used", name, join(options_.modalities)));
  if (const auto precision = checkpoint_.model->precision(); precision != Precision::fp32)
    notes.push_back(fmt::format("{}: scored in {}, which rounds more than fp32", name, precision_name(precision)));
  if (facts.select == "test")
    notes.push_back(name + ": its epoch was chosen on the test split: a diagnostic, not a result to report");
  for (auto& note : collator_->notes()) notes.push_back(std::move(note));
  return notes;
}

Report evaluate(const Scorer& scorer, const std::vector<Prediction>& predictions) {
  const auto& checkpoint = scorer.checkpoint();
  const auto& dataset = scorer.dataset();
  const bool is_main = checkpoint.facts.task == kMainTask;
  ReportFacts facts;
  facts.model = checkpoint.config.model;
  facts.task = checkpoint.facts.task;
  facts.seed = checkpoint.config.seed;
  facts.data = dataset.name;
  facts.data_fingerprint = dataset.fingerprint;
  facts.is_synthetic = dataset.is_synthetic;
  facts.family = dataset.family;
  facts.select = checkpoint.facts.select;
  facts.select_by = name_of((is_main ? checkpoint.config.train : checkpoint.config.pretrain).select_by);
  facts.chosen_epoch = checkpoint.facts.epoch;
  facts.epochs = checkpoint.facts.epochs;
  std::vector<float> train_labels;
  for (const auto row : dataset.rows(Split::train))
    if (const float label = dataset.clips[std::size_t(row)].label; !std::isnan(label)) train_labels.push_back(label);
  auto report = make_report(std::move(facts), predictions, train_labels,
                            is_main ? text_decoder_scores(predictions) : std::vector<Prediction>());
  if (scorer.calibration() != nullptr) report.intervals = check_intervals(*scorer.calibration(), predictions);
  return report;
}

std::vector<std::int64_t> rows_of(const Dataset& dataset, const std::string& split) {
  if (split != "all") return dataset.rows(split_from(split));
  std::vector<std::int64_t> rows(dataset.clips.size());
  std::iota(rows.begin(), rows.end(), 0);
  return rows;
}

std::vector<std::int64_t> rows_of_clips(const Dataset& dataset, const std::vector<std::string>& ids) {
  std::unordered_map<std::string, std::int64_t> row_of;
  for (std::size_t row = 0; row < dataset.clips.size(); ++row)
    row_of.emplace(dataset.clips[row].id(), std::int64_t(row));
  const auto twice = repeated_ids(dataset.clips);
  const std::set<std::string> repeated(twice.begin(), twice.end());
  std::vector<std::int64_t> rows;
  for (const auto& id : ids) {
    const auto found = row_of.find(id);
    if (repeated.contains(id))
      throw DataError(fmt::format("{}: {}: which one is meant?", dataset.source, clips_of_id(dataset.clips, id)),
                      "give each clip one name in all splits, for example VIDEO$_$CLIP; without --clip all are scored");
    if (found != row_of.end()) {
      rows.push_back(found->second);
      continue;
    }
    std::vector<std::string> known;
    for (const auto& clip : dataset.clips) known.push_back(clip.id());
    const auto nearest = nearest_name(id, known);
    throw DataError(fmt::format("{}: no clip '{}'", dataset.source, id),
                    !nearest.empty() ? "did you mean '" + nearest + "'?"
                    : known.empty()  ? "the data set has no clips"
                                     : "an id is VIDEO$_$CLIP, for example " + known.front());
  }
  return rows;
}

}  // namespace kuda
