#pragma once
// Everything `kuda report` writes.
//
//   const auto tables = write_report(find_runs({"runs"}), Split::test, "", "report");

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "kuda/base/progress.h"
#include "kuda/reports/dominance.h"
#include "kuda/reports/parts_table.h"
#include "kuda/reports/result_formats.h"
#include "kuda/reports/result_table.h"
#include "kuda/reports/subset_table.h"

namespace kuda {

struct ReportTables {
  std::vector<ResultTable> results;         ///< one per data set
  std::vector<SubsetTable> conflicts;       ///< of the data sets whose runs hold unimodal labels
  std::vector<PartsTable> parts;            ///< of those with a system that predicts a ratio
  std::optional<DominanceTable> dominance;  ///< of the synthetic ones
};

/// Writes report.html, table.csv, table.tex, mmsa/DATA.csv and figures/ into `out`; by_conflict.csv where runs hold
/// unimodal labels; parts.csv where a system predicts a ratio; dominance.md and dominance.csv where data are synthetic.
/// Each file is replaced whole. Throws as group_runs and make_result_table do, before anything is written.
ReportTables write_report(const FoundRuns& found, Split split, const std::string& reference,
                          const std::filesystem::path& out, Progress* progress = nullptr);

}  // namespace kuda
