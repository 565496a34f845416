#include "kuda/reports/write_report.h"

#include <algorithm>
#include <cmath>

#include "kuda/base/file.h"
#include "kuda/base/folder.h"
#include "kuda/reports/report_page.h"

namespace kuda {
namespace {

bool is_defined(const ResultTable& table, std::size_t column) {
  return std::any_of(table.rows.begin(), table.rows.end(),
                     [&](const auto& row) { return std::isfinite(row.cells[column].seeds.mean); });
}

std::vector<const DataSetRuns*> data_of(const std::vector<PageSection>& sections) {
  std::vector<const DataSetRuns*> data;
  for (const auto& section : sections) data.push_back(&section.data);
  return data;
}

}  // namespace

ReportTables write_report(const FoundRuns& found, Split split, const std::string& reference,
                          const std::filesystem::path& out, Progress* progress) {
  std::vector<PageSection> sections;
  ReportTables tables;
  auto groups = group_runs(found.finished, split, progress);
  tables.dominance = make_dominance_table(groups);
  for (auto& data : groups) {
    tables.results.push_back(make_result_table(data, reference, progress));
    auto conflict = make_subset_table(data);
    if (conflict) tables.conflicts.push_back(*conflict);
    auto parts = make_parts_table(data);
    if (parts) tables.parts.push_back(*parts);
    sections.push_back({std::move(data), tables.results.back(), std::move(conflict), std::move(parts), {}, {}});
  }
  make_folder(out / "mmsa");
  write_file(out / "table.csv", format_csv(tables.results));
  write_file(out / "table.tex", format_latex(tables.results));
  if (!tables.conflicts.empty()) write_file(out / "by_conflict.csv", format_csv(tables.conflicts));
  if (!tables.parts.empty()) write_file(out / "parts.csv", clip_parts_csv(data_of(sections)));
  if (tables.dominance) {
    write_file(out / "dominance.md", format_markdown(*tables.dominance));
    write_file(out / "dominance.csv", format_csv(*tables.dominance));
  }
  std::vector<FigureSource> sources;
  for (const auto& section : sections) {
    write_file(out / "mmsa" / (file_name(section.table.data) + ".csv"), format_mmsa(section.table));
    for (std::size_t column = 0; column < section.table.columns.size(); ++column)
      if (is_defined(section.table, column)) sources.push_back(interval_figure(section.table, column));
    for (const auto& system : section.data.systems) {
      sources.push_back(curves_figure(section.data, system));
      sources.push_back(confusion_figure(section.data, system));
    }
  }
  const auto figures = draw_all(sources, out / "figures",
                                [&](std::size_t done) { tell(progress, "report: figures", done, sources.size()); });
  auto next = figures.begin();
  for (auto& section : sections) {
    for (std::size_t column = 0; column < section.table.columns.size(); ++column)
      if (is_defined(section.table, column)) section.intervals.push_back(*next++);
    for (std::size_t i = 0; i < section.data.systems.size(); ++i, next += 2)
      section.systems.push_back({next[0], next[1]});
  }
  write_file(out / "report.html", format_page(sections, tables.dominance, found.unfinished));
  return tables;
}

}  // namespace kuda
