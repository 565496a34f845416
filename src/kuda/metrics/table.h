#pragma once
// Metrics as a plain-text table: one row per system, both Acc-2 conventions by name, baselines beside the model.
//
//   std::cout << format_metric_table({{"kuda", metrics}, {"majority", majority_baseline(family, train, test)}});

#include <string>
#include <vector>

#include "kuda/metrics/metrics.h"

namespace kuda {

struct MetricRow {
  std::string name;
  Metrics metrics;
};

/// Rows of one family (DataError otherwise; no rows give an empty text). MAE and Corr with four decimals, accuracies
/// and F1 in percent with two; undefined values are "-". Below the table: what each Acc-2 means, on how many clips, and
/// which predictors are degenerate. The legacy F1 values are left out. Each line ends with '\n'.
[[nodiscard]] std::string format_metric_table(const std::vector<MetricRow>& rows);

}  // namespace kuda
