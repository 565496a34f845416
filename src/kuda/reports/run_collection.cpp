#include "kuda/reports/run_collection.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/checkpoint/checkpoint.h"
#include "kuda/runs/run_folder.h"

namespace kuda {
namespace {

namespace fs = std::filesystem;

bool is_seed_folder(const std::string& name, std::int64_t seed) {
  return name == std::to_string(seed) || name == fmt::format("seed-{}", seed);
}

bool is_of_model(const std::string& name, const std::string& model) {
  return name == model || name.starts_with(model + "+");
}

bool is_there(const fs::path& file) {
  std::error_code reason;
  const bool is_there = fs::exists(file, reason);
  if (reason) throw DataError(fmt::format("{}: cannot be read: {}", file.string(), reason.message()));
  return is_there;
}

/// Those below a folder, whatever the depth; stages and checkpoints of a run are not looked at.
void add_run_folders(const fs::path& root, std::vector<fs::path>& folders) {
  std::error_code reason;
  std::vector<fs::path> below;
  for (fs::directory_iterator it(root, reason), end; !reason && it != end; it.increment(reason))
    if (std::error_code unknown; it->is_directory(unknown)) below.push_back(it->path());
  if (reason)
    throw DataError(fmt::format("{}: this folder cannot be read: {}", root.string(), reason.message()),
                    "name the folders of runs that you may read");
  for (const auto& folder : below) {
    if (is_there(folder / "config.toml"))
      folders.push_back(folder);
    else if (std::error_code unknown; !fs::is_symlink(folder, unknown))  // it may lead back up
      add_run_folders(folder, folders);
  }
}

void add_if_run(const fs::path& root, const fs::path& folder, FoundRuns& found) {
  if (!is_there(folder / "metrics.json")) {
    found.unfinished.push_back(folder);
    return;
  }
  auto report = read_report(folder / "metrics.json");
  if (report.facts.task != kMainTask) return;
  const auto names = names_of(root, folder, report.facts);
  found.finished.push_back({folder, names.data, names.system, std::move(report)});
}

/// The options that all runs of one system share: all that change numbers but the seed, and of files the names.
std::vector<Setting> shared_options(const fs::path& run) {
  auto options = options_in(run / "config.toml");
  std::erase_if(options, [](const Setting& option) {
    return option.effect == Effect::place || option.effect == Effect::none || option.key == "seed";
  });
  for (auto& option : options)
    if (const auto slash = option.value.rfind('/'); option.effect == Effect::file && slash != std::string::npos)
      option.value = '"' + option.value.substr(slash + 1);
  return options;
}

/// The first of the options that the others lack, or have with another value.
std::string first_difference(const std::vector<Setting>& options, const std::vector<Setting>& others) {
  for (const auto& option : options)
    if (std::find(others.begin(), others.end(), option) == others.end())
      return fmt::format("{} = {}", option.key, option.value);
  return "(fewer options)";
}

void check_seeds(const std::vector<FinishedRun>& runs) {
  const auto options = shared_options(runs.front().folder);
  for (std::size_t i = 1; i < runs.size(); ++i) {
    const auto &a = runs[i - 1], &b = runs[i];
    if (a.report.facts.seed == b.report.facts.seed)
      throw DataError(fmt::format("two runs of '{}' on '{}' with seed {}:\n  {}\n  {}", b.system, b.data,
                                  b.report.facts.seed, a.folder.string(), b.folder.string()),
                      "variants are told apart by folders DATA/MODEL+VARIANT/SEED");
    if (const auto other = shared_options(b.folder); other != options)
      throw DataError(fmt::format("seeds of '{}' on '{}' were trained with different options:\n  {}: {}\n  {}: {}",
                                  b.system, b.data, runs.front().folder.string(), first_difference(options, other),
                                  b.folder.string(), first_difference(other, options)),
                      "variants are told apart by folders DATA/MODEL+VARIANT/SEED");
  }
}

void check_data(const FinishedRun& first, const FinishedRun& run) {
  const auto &a = first.report.facts, &b = run.report.facts;
  if (a.data_fingerprint == b.data_fingerprint && a.family == b.family) return;
  throw DataError(
      fmt::format("'{}' names different data, which cannot stand in one table:\n  {}: '{}' {}\n  {}: '{}' {}", run.data,
                  first.folder.string(), a.data, a.data_fingerprint, run.folder.string(), b.data, b.data_fingerprint),
      "report them one by one, or as DATA/MODEL/SEED below one folder, which then tells them apart");
}

/// Clips of one split by id.
std::vector<Prediction> of_split(std::vector<Prediction> predictions, Split split) {
  std::erase_if(predictions, [&](const Prediction& p) { return p.split != split || std::isnan(p.label); });
  std::sort(predictions.begin(), predictions.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  return predictions;
}

void check_clips(const DataSetRuns& data, const FinishedRun& first, const FinishedRun& run,
                 const std::vector<Prediction>& predictions) {
  const auto names = fmt::format("\n  {}\n  {}", first.folder.string(), run.folder.string());
  if (predictions.size() != data.ids.size())
    throw DataError(fmt::format("{} and {} labelled clips in the {} split of '{}':{}", data.ids.size(),
                                predictions.size(), split_name(data.split), data.name, names));
  for (std::size_t i = 0; i < predictions.size(); ++i) {
    const auto& clip = predictions[i];
    if (clip.id != data.ids[i])
      throw DataError(fmt::format("clip '{}' against '{}' in the {} split of '{}':{}", data.ids[i], clip.id,
                                  split_name(data.split), data.name, names));
    if (clip.label != data.labels[i])
      throw DataError(fmt::format("clip '{}': label {} against {}:{}", clip.id, data.labels[i], clip.label, names),
                      "was one of them trained with other options in [data]?");
  }
}

/// The table comes from metrics.json, the tests from predictions.csv: they must be of one run.
void check_metrics(const DataSetRuns& data, const FinishedRun& run, const std::vector<float>& scores) {
  const auto& rows = run.report.splits[std::size_t(data.split)];
  if (rows.empty() || rows.front().key != "model")
    throw DataError(
        fmt::format("{}: no metrics of the {} split", (run.folder / "metrics.json").string(), split_name(data.split)));
  for (const auto& metric : evaluate_metrics(data.facts.family, scores, data.labels).values) {
    const double stored = rows.front().metrics.value(metric.name);
    if (std::isnan(stored) && std::isnan(metric.value)) continue;
    if (!(std::abs(stored - metric.value) <= 1e-6))
      throw DataError(fmt::format("{}: {} is {} in metrics.json, {} by predictions.csv", run.folder.string(),
                                  metric.name, stored, metric.value),
                      "the files are not of one run");
  }
}

void add_run(DataSetRuns& data, SystemRuns& system, FinishedRun run) {
  const auto all = read_predictions(run.folder / "predictions.csv");
  auto predictions = of_split(all, data.split);
  const bool is_first = data.ids.empty();
  if (is_first)
    for (const auto& clip : predictions) {
      data.ids.push_back(clip.id);
      data.labels.push_back(clip.label);
    }
  if (data.ids.empty())
    throw DataError(fmt::format("{}: no labelled clip in the {} split", run.folder.string(), split_name(data.split)));
  check_clips(data, is_first ? run : data.systems.front().runs.front(), run, predictions);
  std::vector<float> scores;
  for (const auto& clip : predictions) scores.push_back(clip.score);
  check_metrics(data, run, scores);
  system.scores.push_back(std::move(scores));
  system.predictions.push_back(std::move(predictions));
  system.valid.push_back(of_split(all, Split::valid));
  system.runs.push_back(std::move(run));
}

}  // namespace

RunNames names_of(const fs::path& root, const fs::path& run, const ReportFacts& facts) {
  std::vector<std::string> names;
  const auto below = fs::relative(run, root);
  if (below != ".")
    for (const auto& part : below) names.push_back(part.string());
  auto folder = fs::absolute(root).lexically_normal();
  if (!folder.has_filename()) folder = folder.parent_path();  // "runs/"
  // Of the root's own path only the last name counts, and the one above where the root is a seed's folder.
  const bool is_seed_root = names.empty() && is_seed_folder(folder.filename().string(), facts.seed);
  names.insert(names.begin(), (is_seed_root ? folder.parent_path() : folder).filename().string());
  if (names.size() > 1 && is_seed_folder(names.back(), facts.seed)) names.pop_back();
  for (std::size_t i = names.size(); i-- > 0;) {
    // The root's name counts only as a model right above the seed: a project folder may be called as a model.
    if (!is_of_model(names[i], facts.model) || (i == 0 && names.size() > 1)) continue;
    std::string system = names[i];
    for (std::size_t j = i + 1; j < names.size(); ++j) system += "/" + names[j];
    return {i > 1 ? names[i - 1] : facts.data, system};
  }
  return {facts.data, facts.model};
}

FoundRuns find_runs(const std::vector<fs::path>& roots) {
  FoundRuns found;
  std::set<fs::path> seen;
  for (const auto& root : roots) {
    if (!is_there(root) || !fs::is_directory(root))
      throw DataError(root.string() + ": no such folder", "give folders that hold runs");
    const bool is_run = is_there(root / "config.toml");
    std::vector<fs::path> folders(is_run ? 1 : 0, root);
    if (!is_run) add_run_folders(root, folders);
    std::sort(folders.begin(), folders.end());
    for (const auto& folder : folders)
      if (seen.insert(fs::weakly_canonical(folder)).second) add_if_run(root, folder, found);
  }
  if (found.finished.empty())
    throw DataError("no finished run below " + roots.front().string(),
                    found.unfinished.empty() ? "`kuda train --out` makes run folders; metrics.json marks a finished one"
                                             : fmt::format("{} runs are not finished", found.unfinished.size()));
  return found;
}

std::string DataSetRuns::title() const {
  return (name == facts.data ? name : name + ": " + facts.data) + (facts.is_synthetic ? " (synthetic data)" : "");
}

void tell(Progress* progress, const std::string& task, std::size_t step, std::size_t steps) {
  if (progress != nullptr) progress->step({task, 0, 0, std::int64_t(step), std::int64_t(steps), 0, kUndefined});
}

std::vector<DataSetRuns> group_runs(std::vector<FinishedRun> runs, Split split, Progress* progress) {
  std::size_t done = 0;
  const auto all = runs.size();
  std::map<std::string, std::map<std::string, std::vector<FinishedRun>>> groups;
  for (auto& run : runs) {
    auto& group = groups[run.data][run.system];
    group.push_back(std::move(run));
  }
  std::vector<DataSetRuns> result;
  for (auto& [name, systems] : groups) {
    auto& data = result.emplace_back();
    data.name = name;
    data.split = split;
    const auto first = systems.begin()->second.front();
    data.facts = first.report.facts;
    for (auto& [system_name, members] : systems) {
      std::stable_sort(members.begin(), members.end(),
                       [](const auto& a, const auto& b) { return a.report.facts.seed < b.report.facts.seed; });
      for (const auto& run : members) check_data(first, run);
      check_seeds(members);
      auto& system = data.systems.emplace_back();
      system.name = system_name;
      for (auto& run : members) {
        add_run(data, system, std::move(run));
        tell(progress, "report: runs", ++done, all);
      }
    }
  }
  return result;
}

}  // namespace kuda
