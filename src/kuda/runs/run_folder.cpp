#include "kuda/runs/run_folder.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/base/folder.h"
#include "kuda/data/modality_json.h"
#include "kuda/data/synth/synth.h"
#include "kuda/runs/procedure.h"
#include "kuda/runs/report.h"
#include "kuda/tensor/products.h"

namespace kuda {
namespace {

using json = nlohmann::ordered_json;
namespace fs = std::filesystem;

/// Those that must not change in a run that is continued, without those that change no number.
std::vector<Setting> counting(std::vector<Setting> options) {
  std::erase_if(options, [](const Setting& option) {
    return option.effect == Effect::none || RunInputs::is_path(option.key);  // these are compared by content
  });
  return options;
}

const Setting* find(const std::vector<Setting>& options, const std::string& key) {
  const auto found =
      std::find_if(options.begin(), options.end(), [&](const auto& option) { return option.key == key; });
  return found == options.end() ? nullptr : &*found;
}

/// A line for each of the first keys that differ; empty where none does.
std::string first_differences(const std::vector<Setting>& before, const std::vector<Setting>& now) {
  std::vector<std::string> lines;
  const auto line = [](const Setting* option) {
    return option == nullptr ? "absent" : fmt::format("{} = {}", option->key, option->value);
  };
  for (const auto& option : now)
    if (const auto* old = find(before, option.key); old == nullptr || old->value != option.value)
      lines.push_back(fmt::format("\n  now {}, before {}", line(&option), line(old)));
  for (const auto& option : before)
    if (find(now, option.key) == nullptr) lines.push_back(fmt::format("\n  now absent, before {}", line(&option)));
  std::string text;
  for (std::size_t i = 0; i < std::min<std::size_t>(lines.size(), 3); ++i) text += lines[i];
  if (lines.size() > 3) text += fmt::format("\n  ... and {} more", lines.size() - 3);
  return text;
}

/// What run.json says of the content behind a key; nothing where it does not say.
std::optional<std::string> recorded_digest(const fs::path& out, const std::string& key) {
  const auto facts = json::parse(read_file(out / "run.json"), nullptr, /*allow_exceptions=*/false);
  if (!facts.is_object() || !facts.contains("inputs") || !facts["inputs"].is_object()) return std::nullopt;
  const auto& inputs = facts["inputs"];
  if (!inputs.contains(key) || !inputs[key].is_string()) return std::nullopt;
  return inputs[key].get<std::string>();
}

/// Throws where a key names another place that does not hold what the run in `out` has read.
void check_moved_inputs(const fs::path& out, const std::vector<Setting>& before, RunInputs& inputs) {
  if (!fs::exists(out / "run.json")) return;  // written before any work: only the tasks before this one have begun
  for (const auto key : RunInputs::kKeys) {
    const std::string name(key);
    const auto* old = find(before, name);
    std::string path = inputs.path(name), none;
    const auto was = old == nullptr ? toml_value(&none) : old->value;
    const auto is = toml_value(&path);
    if (was == is) continue;
    const auto difference = fmt::format("\n  now {0} = {1}, before {0} = {2}", name, is, was);
    const auto recorded = recorded_digest(out, name);
    if (!recorded)
      throw ConfigError(
          fmt::format("{}: holds a run with other options{}\n  and its run.json does not say what was there",
                      out.string(), difference),
          "give another folder, the path before, or --restart to begin again");
    if (name == "encoder" && recorded->empty()) continue;  // it reads none
    if (inputs.digest(name) != *recorded)
      throw ConfigError(
          fmt::format("{}: holds a run of other data or another encoder{}\n  and what is there is not the same",
                      out.string(), difference),
          "give another folder, the same content in any place, or --restart to begin again");
  }
}

json cleaning_json(const CleaningCounts& counts) {
  json object{{"clips", counts.clips},
              {"clips_dropped", counts.clips_dropped},
              {"labels_out_of_range", counts.labels_out_of_range}};
  for (const auto modality : kModalities) {
    const auto& part = counts.modality[modality];
    object[std::string(modality_name(modality))] = {{"nan", part.not_finite.nan},
                                                    {"positive_infinity", part.not_finite.positive_infinity},
                                                    {"negative_infinity", part.not_finite.negative_infinity},
                                                    {"clips_affected", part.clips_affected},
                                                    {"frames_dropped", part.frames_dropped},
                                                    {"clips_missing", part.clips_missing},
                                                    {"lengths_cut", part.lengths_cut},
                                                    {"first_clips", part.first_clips}};
  }
  return object;
}

/// What the rule behind synthetic clips says about each split: what an ideal predictor reaches on its clips, and
/// shares.
json synthetic_json(const Dataset& dataset, const std::vector<SynthTruth>& truth) {
  json object = json::object();
  for (const auto split : kSplits) {
    if (dataset.rows(split).empty()) continue;
    const auto oracle = oracle_scores(dataset, truth, split);
    const auto shares = truth_shares(dataset, truth, split);
    auto& entry = object[std::string(split_name(split))];
    entry = {{"bound", oracle.bound},
             {"bayes_mae", oracle.bayes_mae},
             {"decoder_mae", oracle.decoder_mae},
             {"noise", shares.noise},
             {"conflict", shares.conflict}};
    entry["dominant"] = by_modality(shares.dominant);
  }
  return object;
}

/// The scores of another run for these very clips; empty when there is no such run.
std::vector<Prediction> scores_in(const fs::path& run, const std::vector<Prediction>& predictions) {
  const auto path = run / "predictions.csv";
  if (run.empty() || !fs::exists(path)) return {};
  std::map<std::string, float> score_of;
  for (const auto& prediction : read_predictions(path)) score_of[prediction.id] = prediction.score;
  auto scores = predictions;
  for (auto& prediction : scores) {
    const auto found = score_of.find(prediction.id);
    if (found == score_of.end()) return {};  // it was trained on other data
    prediction.score = found->second;
  }
  return scores;
}

}  // namespace

FolderLock::FolderLock(const fs::path& folder) {
  make_folder(folder);
  lock_ = FileLock::try_to_lock(folder / ".lock");
  if (!lock_)
    throw Error(fmt::format("{}: another process is working in this run folder", (folder / ".lock").string()),
                "wait for it, or give another folder");
}

bool is_finished(const fs::path& out) { return fs::exists(out / "metrics.json"); }

std::vector<Setting> options_in(const fs::path& path) {
  const auto text = read_file(path);
  try {
    return RunConfig::parse(text, path.string()).schema().settings();
  } catch (const Error&) {  // of another version of the program: compared as it stands
    auto options = ConfigFile::parse(text, path.string()).settings();
    const auto known = RunConfig().schema().settings();
    for (auto& option : options)
      if (const auto* ours = find(known, option.key)) option.effect = ours->effect;
    return options;
  }
}

void clear_run_folder(const fs::path& out) {
  fs::remove(out / "metrics.json");  // first: without it the folder is no finished run
  for (const char* name : {"config.toml", "run.json", "epochs.jsonl", "predictions.csv", "explain.json"})
    fs::remove(out / name);
  for (const char* name : {"model", "last", "state", "pretrain"}) fs::remove_all(out / name);
}

void open_run_folder(const fs::path& out, RunConfig& config, bool restart) {
  RunInputs inputs(config);
  open_run_folder(out, config, inputs, restart);
}

void open_run_folder(const fs::path& out, RunConfig& config, RunInputs& inputs, bool restart) {
  const auto path = out / "config.toml";
  if (restart) clear_run_folder(out);
  if (fs::exists(path)) {
    const auto before = options_in(path);
    const auto found = first_differences(counting(before), counting(config.schema().settings()));
    if (!found.empty())
      throw ConfigError(fmt::format("{}: holds a run with other options{}", out.string(), found),
                        "give another folder, the options in its config.toml to continue it, or --restart");
    check_moved_inputs(out, before, inputs);
  }
  make_folder(out);
  write_file(path, config.to_toml());
}

void write_run_facts(const fs::path& out, const RunConfig& config, const Session& session, RunInputs& inputs,
                     const std::vector<std::string>& notes, const TrainingResult* result) {
  const auto& dataset = session.dataset();
  json object{{"is_finished", result != nullptr},
              {"versions", build_versions()},
              {"device", config.device},
              {"threads", torch::get_num_threads()},
              {"products", products_name(products_in_use())},
              {"seed", config.seed},
              {"model", config.model},
              {"profile", config.profile},
              {"data",
               {{"name", dataset.name},
                {"source", dataset.source},
                {"source_sha256", dataset.source_sha256},
                {"fingerprint", dataset.fingerprint},
                {"is_synthetic", dataset.is_synthetic},
                {"clips", dataset.clips.size()}}},
              {"inputs", json::object()},
              {"cleaning", cleaning_json(session.cleaning())},
              {"notes", notes}};
  for (const auto split : kSplits)
    object["data"]["splits"][std::string(split_name(split))] = dataset.rows(split).size();
  for (const auto key : RunInputs::kKeys) {
    const bool is_unread = key == "encoder" && session.tokenizer() == nullptr;
    object["inputs"][std::string(key)] = is_unread ? std::string() : inputs.digest(std::string(key));
  }
  if (const auto truth = truth_beside(dataset); !truth.empty())
    object["data"]["synthetic"] = synthetic_json(dataset, truth);
  if (result != nullptr) {
    double seconds = 0;
    for (const auto& record : result->history) seconds += record.seconds;
    object["training_seconds"] = std::round(10 * seconds) / 10;
    object["is_stopped_early"] = result->is_stopped_early;
    object["finished_at"] = fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));  // UTC
  }
  write_file(out / "run.json", object.dump(2) + "\n");
}

void write_metrics(const fs::path& out, const RunConfig& config, const std::string& task, const Session& session,
                   const TrainingResult& result, const std::vector<Prediction>& predictions,
                   const std::optional<Calibration>& calibration, const fs::path& text_only_run) {
  ReportFacts facts;
  facts.model = config.model;
  facts.task = task;
  facts.seed = config.seed;
  facts.data = session.dataset().name;
  facts.data_fingerprint = session.dataset().fingerprint;
  facts.is_synthetic = session.dataset().is_synthetic;
  facts.family = session.dataset().family;
  facts.select = name_of(result.select);
  facts.select_by = name_of(result.select_by);
  facts.chosen_epoch = result.chosen_epoch;
  facts.epochs = std::int64_t(result.history.size());
  auto text_only = scores_in(text_only_run, predictions);
  if (text_only.empty() && task == kMainTask) text_only = text_decoder_scores(predictions);
  std::vector<float> train_labels;
  for (const auto& prediction : predictions)
    if (prediction.split == Split::train && !std::isnan(prediction.label)) train_labels.push_back(prediction.label);
  auto report = make_report(facts, predictions, train_labels, text_only);
  if (calibration) report.intervals = check_intervals(*calibration, predictions);
  write_file(out / "metrics.json", report.to_json());
}

}  // namespace kuda
