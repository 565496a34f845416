#pragma once
// The MAE of each system on the subsets of evaluation/subsets.h, over its seeds: the section "by conflict" of a report.
//
//   if (const auto table = make_subset_table(data)) std::cout << format_text(*table);

#include <optional>
#include <string>
#include <vector>

#include "kuda/evaluation/subsets.h"
#include "kuda/metrics/statistics.h"
#include "kuda/reports/run_collection.h"

namespace kuda {

struct SubsetRow {
  std::string system;  ///< with "(chosen on test)" where so
  std::size_t num_seeds = 0;
  std::vector<Summary> mae;  ///< as subset_names(), over the seeds; n = 0 for an empty subset
};

struct SubsetTable {
  std::string title, data;  ///< as in ResultTable
  Split split = Split::test;
  std::vector<std::size_t> num_clips;  ///< as subset_names()
  std::vector<SubsetRow> rows;         ///< one per system
};

/// Nothing where no run keeps unimodal labels: the data have none, or all runs are of a version that did not write
/// them. One run that has them is enough, because all are of the same clips (group_runs).
[[nodiscard]] std::optional<SubsetTable> make_subset_table(const DataSetRuns& data);

/// Header, the row of the clip counts, then the systems: "0.3120 ± 0.0040", "-" for an empty subset.
[[nodiscard]] std::vector<std::vector<std::string>> subset_cells(const SubsetTable& table);
/// Title, aligned columns, what they mean and which subsets are small. Ends with "\n".
[[nodiscard]] std::string format_text(const SubsetTable& table);
/// One line per data set, system and subset.
[[nodiscard]] std::string format_csv(const std::vector<SubsetTable>& tables);

}  // namespace kuda
