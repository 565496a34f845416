#pragma once
// Metrics of predictions beside the predictors that look at no clip, as a table and as JSON.

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "kuda/data/dataset.h"
#include "kuda/metrics/table.h"
#include "kuda/training/predictions.h"

namespace kuda {

/// Metrics of the predictions with a known label. Throws DataError when there are none.
[[nodiscard]] Metrics measure_all(const std::vector<Prediction>& predictions, MetricFamily family);

/// Rows "majority" and "mean" for the labels of these predictions, from the training labels of the data set; none when
/// the data set has no training labels.
[[nodiscard]] std::vector<MetricRow> baseline_rows(const Dataset& dataset, const std::vector<Prediction>& predictions,
                                                   MetricFamily family);

/// For a synthetic data set with its truth.csv: what the rule behind it allows on the clips of this split, as a
/// sentence; empty for other data and for the split "all".
[[nodiscard]] std::string synthetic_bound(const Dataset& dataset, const std::string& split);

/// {"n": 686, "values": {"MAE": {"value": ..., "n": ...}, ...}}; undefined values are null.
[[nodiscard]] nlohmann::ordered_json metrics_json(const Metrics& metrics);

}  // namespace kuda
