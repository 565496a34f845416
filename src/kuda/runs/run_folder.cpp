#include "kuda/runs/run_folder.h"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <ctime>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/data/synth/synth.h"
#include "kuda/runs/procedure.h"
#include "kuda/runs/report.h"
#include "kuda/tensor/products.h"

namespace kuda {
namespace {

using json = nlohmann::ordered_json;
namespace fs = std::filesystem;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

/// "train.lr": the lines of a printed configuration under their sections, so that differences can be named.
std::vector<std::string> full_keys(const std::string& toml) {
  std::vector<std::string> keys;
  std::string section;
  for (const auto& line : lines_of(toml)) {
    if (line.starts_with("[") && line.ends_with("]"))
      section = line.substr(1, line.size() - 2) + ".";
    else if (!line.empty() && !line.starts_with("#"))
      keys.push_back(section + line);
  }
  return keys;
}

std::string first_differences(const std::string& before, const std::string& now) {
  const auto a = full_keys(before), b = full_keys(now);
  std::string text;
  std::size_t shown = 0;
  for (const auto& line : b) {
    if (std::find(a.begin(), a.end(), line) != a.end()) continue;
    const auto key = line.substr(0, line.find(" ="));
    const auto old = std::find_if(a.begin(), a.end(), [&](const auto& other) { return other.starts_with(key + " ="); });
    if (++shown <= 3) text += fmt::format("\n  now {}, before {}", line, old == a.end() ? "absent" : *old);
  }
  if (shown > 3) text += fmt::format("\n  ... and {} more", shown - 3);
  return text;
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
    for (const auto modality : kModalities)
      entry["dominant"][std::string(modality_name(modality))] = shares.dominant[modality];
  }
  return object;
}

/// The scores of the text task of stage 1 for these very clips; empty when there is no such run.
std::vector<Prediction> stage1_text_scores(const fs::path& out, const std::vector<Prediction>& predictions) {
  const auto path = out / "pretrain" / "text" / "predictions.csv";
  if (!fs::exists(path)) return {};
  std::map<std::string, float> score_of;
  for (const auto& prediction : read_predictions(path)) score_of[prediction.id] = prediction.score;
  auto scores = predictions;
  for (auto& prediction : scores) {
    const auto found = score_of.find(prediction.id);
    if (found == score_of.end()) return {};  // stage 1 was trained on other data
    prediction.score = found->second;
  }
  return scores;
}

/// Of the folder's lock file, which is made; -1 when another process holds it.
int locked_descriptor(const fs::path& folder) {
  fs::create_directories(folder);
  const auto path = folder / ".lock";
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (descriptor < 0) throw Error(fmt::format("{}: cannot be written: {}", path.string(), std::strerror(errno)));
  if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    ::close(descriptor);
    return -1;
  }  // a file system without locks is no reason to refuse the work
  return descriptor;
}

}  // namespace

FolderLock::FolderLock(const fs::path& folder) : descriptor_(locked_descriptor(folder)) {
  if (descriptor_ < 0)
    throw Error(folder.string() + ": another process is working in this run folder",
                "wait for it, or give another folder");
}

std::unique_ptr<FolderLock> FolderLock::try_to_lock(const fs::path& folder) {
  const int descriptor = locked_descriptor(folder);
  return descriptor < 0 ? nullptr : std::unique_ptr<FolderLock>(new FolderLock(descriptor));
}

FolderLock::~FolderLock() { ::close(descriptor_); }

bool is_finished(const fs::path& out) { return fs::exists(out / "metrics.json"); }

std::string numeric_part(const std::string& toml) {
  std::string text;
  for (const auto& line : lines_of(toml))
    if (!line.starts_with("save_every =") && !line.starts_with("save_seconds =")) text += line + "\n";
  return text;
}

std::string options_in(const fs::path& path) {
  const auto text = read_file(path);
  try {
    return RunConfig::parse(text, path.string()).to_toml();
  } catch (const Error&) {
    return text;  // of another version of the program: compared as it stands
  }
}

void clear_run_folder(const fs::path& out) {
  fs::remove(out / "metrics.json");  // first: without it the folder is no finished run
  for (const char* name : {"config.toml", "run.json", "epochs.jsonl", "predictions.csv", "explain.json"})
    fs::remove(out / name);
  for (const char* name : {"model", "last", "state", "pretrain"}) fs::remove_all(out / name);
}

void open_run_folder(const fs::path& out, RunConfig& config, bool restart) {
  const auto path = out / "config.toml";
  if (restart) clear_run_folder(out);
  const auto text = config.to_toml();
  if (fs::exists(path)) {
    const auto before = options_in(path);
    if (numeric_part(before) != numeric_part(text))
      throw ConfigError(
          fmt::format("{}: holds a run with other options{}", out.string(), first_differences(before, text)),
          "give another folder, or the options in its config.toml to continue it");
  }
  fs::create_directories(out);
  write_file(path, text);
}

void write_run_facts(const fs::path& out, const RunConfig& config, const Session& session,
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
              {"cleaning", cleaning_json(session.cleaning())},
              {"notes", notes}};
  for (const auto split : kSplits)
    object["data"]["splits"][std::string(split_name(split))] = dataset.rows(split).size();
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
                   const std::optional<Calibration>& calibration) {
  ReportFacts facts;
  facts.model = config.model;
  facts.task = task;
  facts.seed = config.seed;
  facts.data = session.dataset().name;
  facts.data_fingerprint = session.dataset().fingerprint;
  facts.is_synthetic = session.dataset().is_synthetic;
  facts.family = session.dataset().family;
  facts.select = result.select;
  facts.select_by = result.select_by;
  facts.chosen_epoch = result.chosen_epoch;
  facts.epochs = std::int64_t(result.history.size());
  auto text_only = stage1_text_scores(out, predictions);
  if (text_only.empty() && task == kMainTask) text_only = text_decoder_scores(predictions);
  std::vector<float> train_labels;
  for (const auto& prediction : predictions)
    if (prediction.split == Split::train && !std::isnan(prediction.label)) train_labels.push_back(prediction.label);
  auto report = make_report(facts, predictions, train_labels, text_only);
  if (calibration) report.intervals = check_intervals(*calibration, predictions);
  write_file(out / "metrics.json", report.to_json());
}

}  // namespace kuda
