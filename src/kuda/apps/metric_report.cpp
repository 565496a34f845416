#include "kuda/apps/metric_report.h"

#include <fmt/format.h>

#include <cmath>
#include <filesystem>

#include "kuda/apps/scoring.h"
#include "kuda/base/error.h"
#include "kuda/data/synth.h"
#include "kuda/metrics/baselines.h"

namespace kuda {

Metrics measure_all(const std::vector<Prediction>& predictions, MetricFamily family) {
  std::vector<float> scores, labels;
  for (const auto& prediction : predictions) {
    if (std::isnan(prediction.label)) continue;
    scores.push_back(prediction.score);
    labels.push_back(prediction.label);
  }
  if (labels.empty()) throw DataError("none of these clips has a label", "`kuda predict` scores clips without labels");
  return evaluate_metrics(family, scores, labels);
}

std::vector<MetricRow> baseline_rows(const Dataset& dataset, const std::vector<Prediction>& predictions,
                                     MetricFamily family) {
  const auto train = known_labels(dataset, dataset.rows(Split::train));
  std::vector<float> labels;
  for (const auto& prediction : predictions)
    if (!std::isnan(prediction.label)) labels.push_back(prediction.label);
  if (train.empty() || labels.empty()) return {};
  return {{"majority", majority_baseline(family, train, labels)}, {"mean", mean_baseline(family, train, labels)}};
}

std::string synthetic_bound(const Dataset& dataset, const std::string& split) {
  if (!dataset.is_synthetic || split == "all" ||
      !std::filesystem::exists(std::filesystem::path(dataset.source) / "truth.csv"))
    return "";
  const auto oracle = oracle_scores(dataset, read_truth_csv(dataset.source, dataset), split_from(split));
  return fmt::format(
      "Synthetic rule on these clips: least expected MAE of any predictor {:.4f}; optimal predictor that knows the "
      "hidden "
      "state {:.4f}; a fixed decoder that knows the rule and sees the same input {:.4f}.\n",
      oracle.bound, oracle.bayes_mae, oracle.decoder_mae);
}

nlohmann::ordered_json metrics_json(const Metrics& metrics) {
  nlohmann::ordered_json values;
  for (const auto& metric : metrics.values) {
    nlohmann::ordered_json value;
    if (std::isfinite(metric.value)) value = metric.value;
    values[metric.name] = {{"value", value}, {"n", metric.n}};
  }
  nlohmann::ordered_json json{{"n", metrics.n}, {"values", values}};
  if (!metrics.degenerate.empty()) json["degenerate"] = metrics.degenerate;
  return json;
}

}  // namespace kuda
