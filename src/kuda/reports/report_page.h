#pragma once
// The report as one self-contained HTML page: nothing is loaded from elsewhere, figures are inside it.

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "kuda/reports/dominance.h"
#include "kuda/reports/figures.h"
#include "kuda/reports/parts_table.h"
#include "kuda/reports/result_table.h"
#include "kuda/reports/run_collection.h"
#include "kuda/reports/subset_table.h"

namespace kuda {

struct SystemFigures {
  Figure curves, confusion;
};

/// One data set.
struct PageSection {
  DataSetRuns data;
  ResultTable table;
  std::optional<SubsetTable> conflict;  ///< where the runs hold unimodal labels
  std::optional<PartsTable> parts;      ///< where a system predicts a ratio
  std::vector<Figure> intervals;        ///< of the columns that have a value
  std::vector<SystemFigures> systems;   ///< as data.systems
};

[[nodiscard]] std::string format_page(const std::vector<PageSection>& sections,
                                      const std::optional<DominanceTable>& dominance,
                                      const std::vector<std::filesystem::path>& unfinished);

}  // namespace kuda
