#include "kuda/reports/parts_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "kuda/base/table.h"
#include "kuda/io/csv.h"
#include "kuda/metrics/table.h"

namespace kuda {
namespace {

bool has_ratio(const SystemRuns& system) {
  const auto& clips = system.predictions.front();
  return std::any_of(clips.begin(), clips.end(), [](const Prediction& clip) {
    return std::any_of(clip.ratio.begin(), clip.ratio.end(), [](float ratio) { return !std::isnan(ratio); });
  });
}

/// The part of a modality, 0 where the clip lacks it; NaN where the scores of the model are no such sum.
double part_of(const Prediction& clip, Modality modality) {
  if (std::isnan(clip.correction) || std::isnan(clip.ratio[modality])) return kUndefined;
  return std::isnan(clip.parts[modality]) ? 0 : double(clip.parts[modality]);
}

/// Over the seeds, of the mean over the clips of what `value` says; n = 0 where it says NaN.
template <class Value>
Summary over_seeds(const SystemRuns& system, const Value& value) {
  std::vector<double> seeds;
  for (const auto& clips : system.predictions) {
    double sum = 0;
    for (const auto& clip : clips) sum += value(clip);
    if (!std::isnan(sum)) seeds.push_back(sum / double(clips.size()));
  }
  return summarise(seeds);
}

PartsRow parts_row(const SystemRuns& system) {
  PartsRow row{system.name + (system.is_chosen_on_test() ? " (chosen on test)" : ""), system.runs.size(), {}, {}, {}};
  for (const auto m : kModalities) {
    row.ratio[m] = over_seeds(system, [&](const Prediction& clip) { return double(clip.ratio[m]); });
    row.size[m] = over_seeds(system, [&](const Prediction& clip) { return std::abs(part_of(clip, m)); });
  }
  row.correction = over_seeds(system, [](const Prediction& clip) { return std::abs(double(clip.correction)); });
  return row;
}

std::string parts_cell(const Summary& value, const char* format) {
  if (value.n == 0) return "-";
  const auto text = fmt::format(fmt::runtime(format), value.mean);
  return std::isnan(value.deviation) ? text : text + " ± " + fmt::format(fmt::runtime(format), value.deviation);
}

/// As in predictions.csv.
std::string shortest(float value) { return std::isnan(value) ? std::string() : fmt::format("{}", value); }

}  // namespace

std::optional<PartsTable> make_parts_table(const DataSetRuns& data) {
  PartsTable table{data.title(), data.split, {}};
  for (const auto& system : data.systems)
    if (has_ratio(system)) table.rows.push_back(parts_row(system));
  if (table.rows.empty()) return std::nullopt;
  return table;
}

std::vector<std::vector<std::string>> parts_cells(const PartsTable& table) {
  std::vector<std::vector<std::string>> cells{{"system", "seeds"}};
  for (const char* kind : {"ratio", "part"})
    for (const auto m : kModalities) cells[0].push_back(fmt::format("{} {}", kind, modality_name(m)));
  cells[0].emplace_back("correction");
  for (const auto& row : table.rows) {
    auto& line = cells.emplace_back(std::vector<std::string>{row.system, std::to_string(row.num_seeds)});
    for (const auto& ratio : row.ratio) line.push_back(parts_cell(ratio, "{:.3f}"));
    for (const auto& size : row.size) line.push_back(parts_cell(size, "{:.4f}"));
    line.push_back(parts_cell(row.correction, "{:.4f}"));
  }
  return cells;
}

std::string parts_legend() {
  return "The score is a sum: of each modality its ratio times its own score (and one learned scale), and a "
         "correction. "
         "ratio: mean over the clips; part, correction: mean of the absolute value. ± is over seeds. - the system has "
         "no "
         "such part.";
}

std::string format_text(const PartsTable& table) {
  const auto cells = parts_cells(table);
  Table text(cells.front());
  for (std::size_t i = 1; i < cells.size(); ++i) text.add(cells[i]);
  return fmt::format("{}, {} split, parts of the score\n\n{}\n{}\n", table.title, split_name(table.split), text.text(),
                     parts_legend());
}

std::vector<ClipParts> clip_parts(const SystemRuns& system) {
  std::vector<ClipParts> result;
  if (!has_ratio(system)) return result;
  const auto seeds = double(system.predictions.size());
  for (std::size_t i = 0; i < system.predictions.front().size(); ++i) {
    ClipParts clip{{0, 0, 0}, {0, 0, 0}, 0};
    for (const auto& clips : system.predictions) {
      for (const auto m : kModalities) {
        clip.ratio[m] += double(clips[i].ratio[m]) / seeds;
        clip.parts[m] += part_of(clips[i], m) / seeds;
      }
      clip.correction += double(clips[i].correction) / seeds;
    }
    result.push_back(clip);
  }
  return result;
}

std::string clip_parts_csv(const std::vector<const DataSetRuns*>& all) {
  auto text = io::csv_line({"data", "system", "seed", "id", "label", "prediction", "ratio_T", "ratio_V", "ratio_A",
                            "part_T", "part_V", "part_A", "correction"});
  for (const auto* data : all)
    for (const auto& system : data->systems) {
      if (!has_ratio(system)) continue;
      for (std::size_t seed = 0; seed < system.runs.size(); ++seed)
        for (const auto& clip : system.predictions[seed]) {
          std::vector<std::string> cells{data->name, system.name, std::to_string(system.runs[seed].report.facts.seed),
                                         clip.id};
          for (const float value : {clip.label, clip.score}) cells.push_back(fmt::format("{}", value));
          for (const float ratio : clip.ratio) cells.push_back(shortest(ratio));
          for (const auto m : kModalities) cells.push_back(shortest(float(part_of(clip, m))));
          cells.push_back(shortest(clip.correction));
          text += io::csv_line(cells);
        }
    }
  return text;
}

}  // namespace kuda
