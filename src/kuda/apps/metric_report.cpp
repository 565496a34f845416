#include "kuda/apps/metric_report.h"

#include <cmath>

#include "kuda/apps/scoring.h"
#include "kuda/base/error.h"
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
