#include "kuda/training/run_folder.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/data/cleaning.h"
#include "kuda/metrics/baselines.h"

namespace kuda {
namespace {

using nlohmann::ordered_json;
namespace fs = std::filesystem;

ordered_json number(double value) { return std::isfinite(value) ? ordered_json(value) : ordered_json(nullptr); }

ordered_json to_json(const Metrics& metrics) {
  ordered_json values;
  for (const auto& metric : metrics.values) values[metric.name] = {{"value", number(metric.value)}, {"n", metric.n}};
  ordered_json json{{"n", metrics.n}, {"values", values}};
  if (!metrics.degenerate.empty()) json["degenerate"] = metrics.degenerate;
  return json;
}

std::vector<float> labels_of(const std::vector<Prediction>& predictions, Split split) {
  std::vector<float> labels;
  for (const auto& p : predictions)
    if (p.split == split && !std::isnan(p.label)) labels.push_back(p.label);
  return labels;
}

}  // namespace

void open_run_folder(const fs::path& out, RunConfig& config) {
  const auto path = out / "config.toml";
  const auto text = config.to_toml();
  if (fs::exists(path) && read_file(path) != text)
    throw ConfigError(out.string() + ": holds a run with another configuration",
                      "choose another --out; " + path.string() + " says what this one was made with");
  fs::create_directories(out);
  write_file(path, text);
}

void write_run_facts(const fs::path& out, const RunConfig& config, const Session& session,
                     const std::vector<std::string>& notes) {
  const auto& dataset = session.dataset();
  ordered_json json{{"kuda", KUDA_VERSION},
                    {"libtorch", TORCH_VERSION},
                    {"compiler", __VERSION__},
                    {"device", config.device},
                    {"threads", torch::get_num_threads()},
                    {"seed", config.seed},
                    {"model", config.model},
                    {"profile", config.profile},
                    {"data",
                     {{"name", dataset.name},
                      {"clips", dataset.clips.size()},
                      {"fingerprint", dataset.fingerprint},
                      {"source_sha256", dataset.source_sha256},
                      {"is_synthetic", dataset.is_synthetic},
                      {"cleaning", describe(count_cleaning(dataset, config.collate), config.collate)}}},
                    {"notes", notes}};
  for (const auto split : kSplits) json["data"]["splits"][std::string(split_name(split))] = dataset.rows(split).size();
  write_file(out / "run.json", json.dump(2) + "\n");
}

void write_metrics(const fs::path& out, const RunConfig& config, const Session& session, const TrainingResult& result,
                   const std::vector<Prediction>& predictions, const std::string& select) {
  const auto family = session.dataset().family;
  ordered_json json{{"model", config.model},
                    {"seed", config.seed},
                    {"data", session.dataset().name},
                    {"data_fingerprint", session.dataset().fingerprint},
                    {"is_synthetic", session.dataset().is_synthetic},
                    {"family", metric_family_name(family)},
                    {"select", select},
                    {"chosen_on_test", result.is_chosen_on_test},
                    {"chosen_epoch", result.chosen_epoch},
                    {"epochs", result.history.size()}};
  const auto train_labels = labels_of(predictions, Split::train);
  for (const auto split : kSplits) {
    const auto labels = labels_of(predictions, split);
    if (labels.empty()) continue;
    auto& entry = json["splits"][std::string(split_name(split))];
    entry["model"] = to_json(measure(predictions, split, family));
    if (train_labels.empty()) continue;
    entry["majority"] = to_json(majority_baseline(family, train_labels, labels));
    entry["mean"] = to_json(mean_baseline(family, train_labels, labels));
  }
  write_file(out / "metrics.json", json.dump(2) + "\n");
}

}  // namespace kuda
