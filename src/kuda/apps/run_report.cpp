#include "kuda/apps/run_report.h"

#include <fmt/format.h>

#include <cmath>
#include <iostream>
#include <nlohmann/json.hpp>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/metrics/baselines.h"
#include "kuda/metrics/table.h"
#include "kuda/training/predictions.h"

namespace kuda {

namespace {

std::vector<float> known_labels(const std::vector<Prediction>& predictions, Split split) {
  std::vector<float> labels;
  for (const auto& prediction : predictions)
    if (prediction.split == split && !std::isnan(prediction.label)) labels.push_back(prediction.label);
  return labels;
}

}  // namespace

void print_run(const std::filesystem::path& folder, Split split) {
  const auto facts = nlohmann::json::parse(read_file(folder / "metrics.json"));
  const auto family = metric_family(facts.at("family").get<std::string>());
  const auto predictions = read_predictions(folder / "predictions.csv");
  const auto labels = known_labels(predictions, split);
  std::cout << fmt::format("{}: epoch {} of {}, chosen by {}{}\n", folder.string(),
                           facts.at("chosen_epoch").get<std::int64_t>(), facts.at("epochs").get<std::int64_t>(),
                           facts.at("select").get<std::string>(),
                           facts.at("is_synthetic").get<bool>() ? "; synthetic data" : "");
  if (facts.at("chosen_on_test").get<bool>())
    std::cout << "chosen on the test split: a diagnostic, not a result to report\n";
  if (labels.empty()) {
    std::cout << fmt::format("no labels in the split '{}'\n", split_name(split));
    return;
  }
  std::vector<MetricRow> rows{{facts.at("model").get<std::string>(), measure(predictions, split, family)}};
  const auto train = known_labels(predictions, Split::train);
  if (!train.empty()) {
    rows.push_back({"majority", majority_baseline(family, train, labels)});
    rows.push_back({"mean", mean_baseline(family, train, labels)});
  }
  std::cout << fmt::format("\n{} split\n", split_name(split)) << format_metric_table(rows);
}

void print_run_json(const std::filesystem::path& folder) { std::cout << read_file(folder / "metrics.json"); }

}  // namespace kuda
