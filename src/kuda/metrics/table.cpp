#include "kuda/metrics/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "kuda/base/error.h"

namespace kuda {
namespace {

constexpr double kWide = 1e6;  // beyond, four decimals say nothing and 1e30 fills a line

std::size_t count_of(const Metrics& metrics, const std::string& name) {
  for (const auto& metric : metrics.values)
    if (metric.name == name) return metric.n;
  return 0;
}

std::string legend(const Metrics& metrics) {
  if (metrics.family == MetricFamily::sims)
    return fmt::format(
        "n = {} clips. Acc-2, F1: positive (> 0) against the rest (<= 0). Scores and labels clipped to [-1, 1].\n",
        metrics.n);
  return fmt::format(
      "n = {} clips. has-0: negative against non-negative (>= 0), all clips; non-0: negative against positive, "
      "the {} clips whose label is not 0.\n",
      metrics.n, count_of(metrics, "Non0_acc_2"));
}

}  // namespace

const std::vector<MetricColumn>& metric_columns(MetricFamily family) {
  static const std::vector<MetricColumn> sims{{"MAE", "MAE"},          {"Corr", "Corr"},        {"Acc-5", "Mult_acc_5"},
                                              {"Acc-3", "Mult_acc_3"}, {"Acc-2", "Mult_acc_2"}, {"F1", "F1_score"}};
  static const std::vector<MetricColumn> mosi{{"MAE", "MAE"},
                                              {"Corr", "Corr"},
                                              {"Acc-7", "Mult_acc_7"},
                                              {"Acc-5", "Mult_acc_5"},
                                              {"Acc-2 has-0", "Has0_acc_2"},
                                              {"F1 has-0", "Has0_F1_score"},
                                              {"Acc-2 non-0", "Non0_acc_2"},
                                              {"F1 non-0", "Non0_F1_score"}};
  return family == MetricFamily::sims ? sims : mosi;
}

std::vector<MetricColumn> main_columns(MetricFamily family) {
  std::vector<MetricColumn> columns;
  for (const auto& column : metric_columns(family))
    if (column.metric == "MAE" || column.metric == "Corr" || column.title.starts_with("Acc-2") ||
        column.title.starts_with("F1"))
      columns.push_back(column);
  return columns;
}

std::string format_metric(const std::string& metric, double value) {
  if (std::isnan(value)) return "-";
  if (std::abs(value) >= kWide) return fmt::format("{:.4g}", value);
  return metric == "MAE" || metric == "Corr" ? fmt::format("{:.4f}", value) : fmt::format("{:.2f}", 100 * value);
}

std::string format_metric_table(const std::vector<MetricRow>& rows) {
  if (rows.empty()) return "";
  const auto family = rows.front().metrics.family;
  const auto& columns = metric_columns(family);
  std::vector<std::vector<std::string>> cells{{"", "n"}};
  for (const auto& column : columns) cells.front().push_back(column.title);
  for (const auto& row : rows) {
    if (row.metrics.family != family) throw DataError("metric table: rows of different metric families");
    cells.push_back({row.name, std::to_string(row.metrics.n)});
    for (const auto& column : columns)
      cells.back().push_back(format_metric(column.metric, row.metrics.value(column.metric)));
  }
  std::string text;
  for (const auto& line : cells) {
    for (std::size_t j = 0; j < line.size(); ++j) {
      std::size_t width = 0;
      for (const auto& other : cells) width = std::max(width, other[j].size());
      text += j == 0 ? fmt::format("{:<{}}", line[j], width) : fmt::format("  {:>{}}", line[j], width);
    }
    text += '\n';
  }
  text += legend(rows.front().metrics);
  text += "F1 is weighted by label counts.\n";
  for (const auto& row : rows)
    if (!row.metrics.degenerate.empty())
      text += fmt::format("{}: degenerate predictor: {}\n", row.name, row.metrics.degenerate);
  return text;
}

}  // namespace kuda
