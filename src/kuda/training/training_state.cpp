#include "kuda/training/training_state.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/base/folder.h"
#include "kuda/base/json_number.h"
#include "kuda/base/json_place.h"
#include "kuda/io/safetensors.h"
#include "kuda/tensor/state_dict.h"

namespace kuda {
namespace {

using json = nlohmann::ordered_json;  // keys stay in the order in which people want to read them

constexpr std::string_view kModelPrefix = "model/";
constexpr double kNoValue = std::numeric_limits<double>::quiet_NaN();

json pairs(const std::vector<std::pair<std::string, double>>& values) {
  json object = json::object();
  for (const auto& [name, value] : values) object[name] = json_number(value);
  return object;
}
std::vector<std::pair<std::string, double>> pairs(const json& object) {
  std::vector<std::pair<std::string, double>> values;
  for (const auto& [name, value] : object.items()) values.emplace_back(name, number_in(value));
  return values;
}

json sums_json(const std::vector<TermSum>& sums) {
  json object = json::object();
  for (const auto& term : sums) object[term.name] = {json_number(term.sum), term.clips};
  return object;
}
std::vector<TermSum> sums_from(const json& object) {
  std::vector<TermSum> sums;
  for (const auto& [name, value] : object.items())
    sums.push_back({name, number_in(value.at(0)), value.at(1).get<std::int64_t>()});
  return sums;
}

json record_json(const EpochRecord& record) {
  json line{{"epoch", record.epoch},
            {"lr", record.lr},
            {"loss", json_number(record.loss)},
            {"terms", pairs(record.terms)},
            {"valid_MAE", json_number(record.valid_mae)},
            {"valid_Corr", json_number(record.valid_corr)}};
  for (const auto& [name, value] : {std::pair{"valid_loss", record.valid_loss}, std::pair{"test_MAE", record.test_mae},
                                    std::pair{"test_loss", record.test_loss}})
    if (!std::isnan(value)) line[name] = value;
  line["is_best"] = record.is_best;
  line["seconds"] = json_number(record.seconds);
  return line;
}

EpochRecord record_from(const json& line) {
  EpochRecord record;
  record.epoch = line.at("epoch");
  record.lr = line.at("lr");
  record.loss = number_in(line.at("loss"));
  record.terms = pairs(line.at("terms"));
  record.valid_mae = number_in(line.at("valid_MAE"));
  record.valid_corr = number_in(line.at("valid_Corr"));
  const auto value_or_nan = [&](const char* key) { return line.contains(key) ? number_in(line[key]) : kNoValue; };
  record.valid_loss = value_or_nan("valid_loss");
  record.test_mae = value_or_nan("test_MAE");
  record.test_loss = value_or_nan("test_loss");
  record.is_best = line.at("is_best");
  record.seconds = number_in(line.at("seconds"));
  return record;
}

constexpr const char* kBeginAgain =
    "delete the folder of this file to begin this task again, from its first epoch; finished tasks stay";

/// A file of a saved state. What is wrong with it may be a disk that was full, or a copy that was cut short.
io::ArrayFile read_saved(const std::filesystem::path& path) {
  try {
    return io::read_safetensors(path);
  } catch (const FormatError& error) {
    throw CheckpointError(error.message(), kBeginAgain);
  }
}

}  // namespace

void add_term(std::vector<TermSum>& sums, const TermSum& more) {
  const auto known = std::find_if(sums.begin(), sums.end(), [&](const auto& sum) { return sum.name == more.name; });
  if (known == sums.end()) {
    sums.push_back(more);
    return;
  }
  known->sum += more.sum;
  known->clips += more.clips;
}

std::string to_json(const EpochRecord& record) { return record_json(record).dump(); }

std::string to_json(const TrainingProgress& progress) {
  json object{{"identity", progress.identity},
              {"threads", progress.threads},
              {"epoch", progress.epoch},
              {"step", progress.step},
              {"clips", progress.clips},
              {"loss_sum", json_number(progress.loss_sum)},
              {"term_sums", sums_json(progress.term_sums)},
              {"seconds", json_number(progress.seconds)},
              {"best_epoch", progress.best_epoch},
              {"best_value", json_number(progress.best_value)},
              {"history", json::array()}};
  if (progress.processes > 1) object["processes"] = progress.processes;
  for (const auto& record : progress.history) object["history"].push_back(record_json(record));
  return object.dump();
}

TrainingProgress parse_progress(const std::string& text, const std::string& source) {
  try {
    const auto object = json::parse(text);
    TrainingProgress progress;
    progress.identity = object.at("identity");
    progress.threads = object.at("threads");
    progress.processes = object.value("processes", std::int64_t{1});
    progress.epoch = object.at("epoch");
    progress.step = object.at("step");
    progress.clips = object.at("clips");
    progress.loss_sum = number_in(object.at("loss_sum"));
    progress.term_sums = sums_from(object.at("term_sums"));
    progress.seconds = number_in(object.at("seconds"));
    progress.best_epoch = object.at("best_epoch");
    progress.best_value = number_in(object.at("best_value"));
    for (const auto& line : object.at("history")) progress.history.push_back(record_from(line));
    return progress;
  } catch (const json::exception& error) {
    throw CheckpointError(fmt::format("{}: the progress in its metadata cannot be read: {}", source, json_fault(error)),
                          kBeginAgain);
  }
}

void save_state(const std::filesystem::path& folder, const Model& model, const std::vector<Optimizer>& optimizers,
                const TrainingProgress& progress) {
  make_folder(folder);
  std::map<std::string, io::Array> arrays;
  for (const auto& optimizer : optimizers) arrays.merge(optimizer.state());
  for (auto& [name, array] : state_of(model)) arrays[std::string(kModelPrefix) + name] = array;
  io::write_safetensors(folder / "last.safetensors", arrays, {{"progress", to_json(progress)}});
}

std::optional<TrainingProgress> restore_state(const std::filesystem::path& folder, Model& model,
                                              std::vector<Optimizer>& optimizers, const std::string& identity) {
  const auto path = folder / "last.safetensors";
  if (!std::filesystem::exists(path)) return std::nullopt;
  const auto file = read_saved(path);
  const auto metadata = file.metadata.find("progress");
  if (metadata == file.metadata.end())
    throw CheckpointError(path.string() + ": no progress in its metadata: not a saved state", kBeginAgain);
  auto progress = parse_progress(metadata->second, path.string());
  if (progress.identity != identity)
    throw CheckpointError(fmt::format("{}: state of another run\n  expected {}\n  found    {}", path.string(), identity,
                                      progress.identity),
                          "give the options of that run, choose another folder, or delete this one to begin again");
  LoadOptions options;
  options.rename = [](std::string_view name) {
    return name.starts_with(kModelPrefix) ? std::string(name.substr(kModelPrefix.size())) : std::string();
  };
  load_state(model, file, options);
  for (auto& optimizer : optimizers) optimizer.load(file.arrays);
  return progress;
}

void write_best(const std::filesystem::path& folder, const Model& model, const std::vector<Optimizer>& optimizers,
                std::int64_t epoch, bool with_moments) {
  make_folder(folder);
  const std::map<std::string, std::string> facts{{"epoch", std::to_string(epoch)}};
  if (with_moments) {
    std::map<std::string, io::Array> moments;
    for (const auto& optimizer : optimizers) moments.merge(optimizer.state());
    io::write_safetensors(folder / "best_optimizer.safetensors", moments, facts);
  }
  io::write_safetensors(folder / "best.safetensors", state_of(model), facts);
}

void restore_best(const std::filesystem::path& folder, Model& model, std::vector<Optimizer>& optimizers) {
  load_state(model, read_saved(folder / "best.safetensors"));
  const auto moments = read_saved(folder / "best_optimizer.safetensors");
  for (auto& optimizer : optimizers) optimizer.load(moments.arrays);
}

void check_best(const std::filesystem::path& folder, bool with_moments) {
  (void)read_saved(folder / "best.safetensors");
  if (with_moments) (void)read_saved(folder / "best_optimizer.safetensors");
}

void remove_unfinished_files(const std::filesystem::path& folder) {
  if (!std::filesystem::is_directory(folder)) return;
  std::vector<std::filesystem::path> found;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.is_regular_file() && entry.path().extension() == ".tmp") found.push_back(entry.path());
  for (const auto& path : found) std::filesystem::remove(path);
}

void write_epochs(const std::filesystem::path& file, const std::vector<EpochRecord>& history) {
  std::string text;
  for (const auto& record : history) text += to_json(record) + "\n";
  write_file(file, text);
}

std::vector<EpochRecord> read_epochs(const std::filesystem::path& file) {
  std::vector<EpochRecord> history;
  std::istringstream lines(read_file(file));
  try {
    for (std::string line; std::getline(lines, line);) history.push_back(record_from(json::parse(line)));
  } catch (const json::exception& error) {
    throw DataError(
        fmt::format("{}:{}: not an epoch of a run: {}", file.string(), history.size() + 1, json_fault(error)),
        "take another copy, or train the run again with --restart");
  }
  return history;
}

}  // namespace kuda
