#pragma once
// Metrics as a plain-text table: one row per system, both Acc-2 conventions by name, baselines beside the model.
//
//   std::cout << format_metric_table({{"kuda", metrics}, {"majority", majority_baseline(family, train, test)}});

#include <string>
#include <vector>

#include "kuda/metrics/metrics.h"

namespace kuda {

/// A column of a table: its title, and the metric as files spell it.
struct MetricColumn {
  std::string title, metric;
};
/// The columns of every table of a family, in their order: no legacy values.
[[nodiscard]] const std::vector<MetricColumn>& metric_columns(MetricFamily family);

/// Of these MAE, Corr, and each Acc-2 and F1: for tables with a row per part of the clips.
[[nodiscard]] std::vector<MetricColumn> main_columns(MetricFamily family);

/// MAE and Corr with four decimals (four digits from a million on), accuracies and F1 in percent with two, "-" where
/// undefined.
[[nodiscard]] std::string format_metric(const std::string& metric, double value);

struct MetricRow {
  std::string name;
  Metrics metrics;
};

/// Rows of one family (DataError otherwise; no rows give an empty text). Below the table: what each Acc-2 means, on how
/// many clips, and which predictors are degenerate. Each line ends with '\n'.
[[nodiscard]] std::string format_metric_table(const std::vector<MetricRow>& rows);

}  // namespace kuda
