#include "kuda/reports/subset_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "kuda/base/table.h"
#include "kuda/io/csv.h"
#include "kuda/metrics/table.h"
#include "kuda/reports/result_formats.h"

namespace kuda {
namespace {

using Members = std::array<std::vector<std::size_t>, kNumSubsets>;  // clips of each subset

/// By the first run that keeps unimodal labels; empty subsets where there is none.
Members members_of(const DataSetRuns& data) {
  Members members;
  for (const auto& system : data.systems)
    for (const auto& clips : system.predictions) {
      for (std::size_t clip = 0; clip < clips.size(); ++clip) {
        const auto is_in = subsets_of(clips[clip].label, clips[clip].unimodal_labels);
        for (std::size_t i = 0; i < kNumSubsets; ++i)
          if (is_in[i]) members[i].push_back(clip);
      }
      if (!members[0].empty()) return members;
    }
  return members;
}

template <class Values>
std::vector<float> selected(const Values& values, const std::vector<std::size_t>& rows) {
  std::vector<float> result;
  for (const auto row : rows) result.push_back(values[row]);
  return result;
}

std::string mae_cell(const Summary& mae) {
  const auto text = format_metric("MAE", mae.mean);
  return std::isnan(mae.deviation) ? text : text + " ± " + format_metric("MAE", mae.deviation);
}

}  // namespace

std::optional<SubsetTable> make_subset_table(const DataSetRuns& data) {
  const auto members = members_of(data);
  if (members[0].empty()) return std::nullopt;
  SubsetTable table{data.title(), data.name, data.split, {}, {}};
  for (const auto& clips : members) table.num_clips.push_back(clips.size());
  for (const auto& system : data.systems) {
    SubsetRow row{system.name + (system.is_chosen_on_test() ? " (chosen on test)" : ""), system.scores.size(), {}};
    for (const auto& clips : members) {
      std::vector<double> seeds;
      if (!clips.empty())
        for (const auto& scores : system.scores)
          seeds.push_back(
              evaluate_metrics(data.facts.family, selected(scores, clips), selected(data.labels, clips)).value("MAE"));
      row.mae.push_back(summarise(seeds));
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

std::vector<std::vector<std::string>> subset_cells(const SubsetTable& table) {
  std::vector<std::vector<std::string>> cells{{"MAE", "seeds"}, {"clips", ""}};
  for (std::size_t i = 0; i < kNumSubsets; ++i) {
    cells[0].emplace_back(subset_names()[i].title);
    cells[1].push_back(std::to_string(table.num_clips[i]));
  }
  for (const auto& row : table.rows) {
    auto& line = cells.emplace_back(std::vector<std::string>{row.system, std::to_string(row.num_seeds)});
    for (const auto& mae : row.mae) line.push_back(mae_cell(mae));
  }
  return cells;
}

std::string format_text(const SubsetTable& table) {
  const auto cells = subset_cells(table);
  Table text(cells.front());
  for (std::size_t i = 1; i < cells.size(); ++i) text.add(cells[i]);
  auto result = fmt::format("{}, {} split, by conflict\n\n{}\n{}\n", table.title, split_name(table.split), text.text(),
                            subsets_legend());
  if (const auto note = small_subsets_note(table.num_clips); !note.empty()) result += note + "\n";
  return result;
}

std::string format_csv(const std::vector<SubsetTable>& tables) {
  auto text = io::csv_line(
      {"data", "split", "system", "subset", "clips", "is_small", "seeds", "MAE", "sd", "seeds_low", "seeds_high"});
  for (const auto& table : tables)
    for (const auto& row : table.rows)
      for (std::size_t i = 0; i < kNumSubsets; ++i)
        text +=
            io::csv_line({table.data, std::string(split_name(table.split)), row.system, subset_names()[i].key,
                          std::to_string(table.num_clips[i]), table.num_clips[i] < kFewClips ? "yes" : "no",
                          std::to_string(row.num_seeds), csv_number(row.mae[i].mean), csv_number(row.mae[i].deviation),
                          csv_number(row.mae[i].interval.low), csv_number(row.mae[i].interval.high)});
  return text;
}

}  // namespace kuda
