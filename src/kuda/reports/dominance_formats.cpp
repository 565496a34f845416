#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "kuda/base/names.h"
#include "kuda/base/table.h"
#include "kuda/io/csv.h"
#include "kuda/metrics/table.h"
#include "kuda/reports/dominance.h"
#include "kuda/reports/result_formats.h"

namespace kuda {
namespace {

using Cells = std::vector<std::vector<std::string>>;

/// "0.2718 [0.2650, 0.2786]"; without the interval for one seed, "-" without any. `sign`: "+" for a difference.
std::string mae_with_interval(const Summary& mae, const char* sign = "") {
  const auto number = [&](double value) {
    return *sign == '\0' ? fmt::format("{:.4f}", value) : fmt::format("{:+.4f}", value);
  };
  if (mae.n == 0) return "-";
  if (std::isnan(mae.interval.low)) return number(mae.mean);
  return fmt::format("{} [{}, {}]", number(mae.mean), number(mae.interval.low), number(mae.interval.high));
}

/// "41.2 (33.5) +7.7 [4.0, 11.4] *"
std::string naming_cell(const NamingRate& rate) {
  if (rate.named.n == 0) return "-";
  auto text =
      fmt::format("{:.1f} ({:.1f}) {:+.1f}", 100 * rate.named.mean, 100 * rate.chance.mean, 100 * rate.excess.mean);
  const auto& interval = rate.excess.interval;
  if (std::isnan(interval.low)) return text;
  text += fmt::format(" [{:.1f}, {:.1f}]", 100 * interval.low, 100 * interval.high);
  return interval.low > 0 ? text + " *" : text;
}

std::string system_name(const DominanceRow& row) {
  return row.system + (row.is_chosen_on_test ? " (chosen on test)" : "");
}

const DominanceRow* row_of(const DominanceData& data, const std::string& system) {
  const auto found =
      std::find_if(data.rows.begin(), data.rows.end(), [&](const auto& row) { return row.system == system; });
  return found == data.rows.end() ? nullptr : &*found;
}

bool has_growth(const DominanceTable& table) {
  return std::any_of(table.growth.begin(), table.growth.end(), [](const auto& growth) { return growth.n > 0; });
}

std::string percent(double share) { return fmt::format("{:.0f}", 100 * share); }

/// A cell as plain text: names come from folders.
std::string markdown_text(const std::string& cell) {
  std::string text;
  for (const char c : cell) text += c == '|' ? "\\|" : c == '<' ? "&lt;" : std::string(1, c);
  return text;
}

std::string markdown(const Cells& cells) {
  std::string text;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    for (const auto& cell : cells[i]) text += "| " + markdown_text(cell) + " ";
    text += "|\n";
    if (i > 0) continue;
    for (std::size_t column = 0; column < cells[i].size(); ++column) text += "| --- ";
    text += "|\n";
  }
  return text;
}

std::string aligned(const Cells& cells) {
  Table table(cells.front());
  for (std::size_t i = 1; i < cells.size(); ++i) table.add(cells[i]);
  return table.text();
}

void add_interval(std::vector<std::string>& cells, const Summary& summary) {
  for (const double value : {summary.mean, summary.interval.low, summary.interval.high})
    cells.push_back(csv_number(value));
}

}  // namespace

std::vector<std::vector<std::string>> mae_cells(const DominanceTable& table) {
  const bool with_growth = has_growth(table);
  Cells cells{{"system"},
              {"clips with a noise modality, %"},
              {"clips with text / vision / audio dominant, %"},
              {"bound"},
              {"decoder that knows the rule"}};
  for (const auto& data : table.data) {
    const auto& [text, vision, audio] = data.dominant;
    cells[0].push_back(data.name);
    cells[1].push_back(percent(data.noise));
    cells[2].push_back(percent(text) + " / " + percent(vision) + " / " + percent(audio));
    cells[3].push_back(format_metric("MAE", data.bound));
    cells[4].push_back(format_metric("MAE", data.decoder));
  }
  if (with_growth) {
    cells[0].push_back(table.data.back().name + " - " + table.data.front().name);
    for (std::size_t i = 1; i < cells.size(); ++i) cells[i].emplace_back();
  }
  for (std::size_t i = 0; i < table.systems.size(); ++i) {
    auto& line = cells.emplace_back(std::vector<std::string>{table.systems[i]});
    for (const auto& data : table.data) {
      const auto* row = row_of(data, table.systems[i]);
      if (row != nullptr && row->is_chosen_on_test) line.front() = system_name(*row);
      line.push_back(row == nullptr ? "-" : mae_with_interval(row->mae));
    }
    if (with_growth) line.push_back(mae_with_interval(table.growth[i], "+"));
  }
  return cells;
}

std::vector<std::vector<std::string>> naming_cells(const DominanceTable& table) {
  Cells cells{{"data", "system", "seeds", "by own score", "by share of the fusion", "by removal", "by ratio"}};
  for (const auto& data : table.data)
    for (const auto& row : data.rows) {
      auto& line =
          cells.emplace_back(std::vector<std::string>{data.name, system_name(row), std::to_string(row.num_seeds)});
      for (const auto& rate : row.naming) line.push_back(naming_cell(rate));
    }
  return cells;
}

std::vector<std::string> dominance_legend(const DominanceTable& table) {
  std::vector<std::string> lines{
      fmt::format("Synthetic data only (docs/synthetic.md), {} split. Intervals: 95 % over the seeds, Student's t.",
                  split_name(table.split)),
      "bound: no predictor has a lower expected MAE on these clips. decoder: sees the same input and knows the rule.",
      "naming: percent of clips whose dominant modality the explanation names; in parentheses by chance = the same "
      "names "
      "dealt out to the clips at random; then the difference and its interval; * above chance (the interval lies above "
      "0, not corrected for the number of cells). - the system gives no such explanation."};
  if (has_growth(table))
    lines.push_back(fmt::format("last column: how much MAE rises from '{}' to '{}', seed by seed.",
                                table.data.front().name, table.data.back().name));
  lines.push_back(fmt::format("runs finished {} with kuda {}.",
                              table.first_day.empty()             ? "on unknown days"
                              : table.first_day == table.last_day ? "on " + table.first_day
                                                                  : "from " + table.first_day + " to " + table.last_day,
                              table.revisions.empty() ? "of an unknown revision" : join(table.revisions)));
  return lines;
}

std::string format_text(const DominanceTable& table) {
  auto text = "Dominance benchmark (synthetic data): MAE\n\n" + aligned(mae_cells(table)) +
              "\nHow often the explanation names the dominant modality, in percent\n\n" + aligned(naming_cells(table)) +
              "\n";
  for (const auto& line : dominance_legend(table)) text += line + "\n";
  return text;
}

std::string format_markdown(const DominanceTable& table) {
  std::string text =
      "# Dominance benchmark (synthetic data)\n\nWritten by `kuda report` from run folders; no number is typed by "
      "hand. "
      "What each column means: docs/reproduce.md.\n\n";
  for (const auto& line : dominance_legend(table)) text += "- " + line + "\n";
  return text + "\n## MAE\n\n" + markdown(mae_cells(table)) +
         "\n## How often the explanation names the dominant modality, in percent\n\n" + markdown(naming_cells(table));
}

std::string format_csv(const DominanceTable& table) {
  std::vector<std::string> header{"data",  "clips",   "noise",  "conflict", "text", "vision",  "audio",
                                  "bound", "decoder", "system", "seeds",    "MAE",  "MAE_low", "MAE_high"};
  for (const char* explanation : kExplanations)
    for (const char* part : {"named", "chance", "excess"})
      for (const char* value : {"", "_low", "_high"})
        header.push_back(fmt::format("{}_{}{}", explanation, part, value));
  auto text = io::csv_line(header);
  for (const auto& data : table.data)
    for (const auto& row : data.rows) {
      std::vector<std::string> cells{data.name, std::to_string(data.num_clips)};
      for (const double value : {data.noise, data.conflict, data.dominant.text, data.dominant.vision,
                                 data.dominant.audio, data.bound, data.decoder})
        cells.push_back(csv_number(value));
      cells.push_back(system_name(row));
      cells.push_back(std::to_string(row.num_seeds));
      add_interval(cells, row.mae);
      for (const auto& rate : row.naming)
        for (const auto* part : {&rate.named, &rate.chance, &rate.excess}) add_interval(cells, *part);
      text += io::csv_line(cells);
    }
  return text;
}

}  // namespace kuda
