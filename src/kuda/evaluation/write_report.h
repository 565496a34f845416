#pragma once
// Everything `kuda report` writes.
//
//   const auto tables = write_report(find_runs({"runs"}), Split::test, "", "report");

#include <filesystem>
#include <string>
#include <vector>

#include "kuda/evaluation/result_formats.h"
#include "kuda/evaluation/result_table.h"

namespace kuda {

/// Writes report.html, table.csv, table.tex, mmsa/DATA.csv and figures/ into `out`; returns the tables, one per data
/// set. Each file is replaced whole. Throws as group_runs and make_result_table do, before anything is written.
std::vector<ResultTable> write_report(const FoundRuns& found, Split split, const std::string& reference,
                                      const std::filesystem::path& out);

}  // namespace kuda
