#pragma once
// The table of one data set: systems by metrics, over seeds and clips, with what can and cannot be told apart.
//
//   for (const auto& data : group_runs(find_runs({"runs"}).finished, Split::test))
//     std::cout << format_text(make_result_table(data));

#include <string>
#include <vector>

#include "kuda/metrics/statistics.h"
#include "kuda/metrics/table.h"
#include "kuda/reports/run_collection.h"

namespace kuda {

struct ResultCell {
  Summary seeds;          ///< mean, deviation and t-interval over seeds
  Interval clips;         ///< bootstrap over clips of the mean over seeds; NaN for baselines from metrics.json
  std::size_t n = 0;      ///< clips the metric is computed on
  bool is_best = false;   ///< among the systems
  double p = kUndefined;  ///< against the reference of this column, not corrected; NaN where there is no test
  double corrected_p = kUndefined;  ///< by Holm over the table
  [[nodiscard]] bool is_not_separable() const { return corrected_p >= kSignificance; }
};

struct ResultRow {
  std::string name;
  bool is_baseline = false, is_chosen_on_test = false;
  std::size_t num_seeds = 0;
  std::vector<ResultCell> cells;  ///< as the columns
};

struct ResultTable {
  std::string title, data;  ///< title: the data set, and that it is synthetic where so
  ReportFacts facts;        ///< of the data
  Split split = Split::test;
  std::size_t num_clips = 0;
  std::vector<MetricColumn> columns;
  std::vector<ResultRow> rows;          ///< systems, then baselines
  std::vector<std::string> references;  ///< by column: the system the others are tested against; empty where none
  std::size_t num_hypotheses = 0;       ///< that Holm corrects for in each column
  std::vector<std::string> notes;       ///< what a reader must know
};

/// `reference`: a system, or empty: in each column the best one. The best one is chosen by the same clips, so Holm then
/// counts every pair of systems, not only the pairs with the best: bench/statistics_coverage shows the difference.
/// Systems chosen on the test split are shown, but are neither best nor tested. Throws DataError for an unknown
/// reference.
[[nodiscard]] ResultTable make_result_table(const DataSetRuns& data, const std::string& reference = "",
                                            Progress* progress = nullptr);

/// "kuda (chosen on test)"
[[nodiscard]] std::string display_name(const ResultRow& row);
/// " *", " ~", " *~" or nothing.
[[nodiscard]] std::string marks_of(const ResultCell& cell);
/// "0.7120 ± 0.0084", "84.50 ± 0.31", "0.7120" for one seed, "-" where undefined.
[[nodiscard]] std::string display_value(const MetricColumn& column, const ResultCell& cell);

}  // namespace kuda
