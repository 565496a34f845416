#include "kuda/reports/missing_table.h"

#include <fmt/format.h>

#include "kuda/base/named_values.h"
#include "kuda/base/names.h"
#include "kuda/base/table.h"
#include "kuda/io/csv.h"
#include "kuda/metrics/table.h"
#include "kuda/reports/result_formats.h"

namespace kuda {
namespace {

const MissingOptions& options_of(const std::vector<MissingSystem>& systems) {
  return systems.front().reports.front().options;
}

std::string title_of(const MissingSystem& system) {
  return system.seeds.size() == 1 ? system.name : fmt::format("{} ({} seeds)", system.name, system.seeds.size());
}

}  // namespace

std::vector<double> MissingSystem::mean(std::size_t pattern, const std::string& metric) const {
  std::vector<double> means(reports.front().options.rates.size(), 0);
  for (const auto& report : reports)
    for (std::size_t i = 0; i < means.size(); ++i)
      means[i] += report.curves[pattern].metrics[i].value(metric) / double(reports.size());
  return means;
}

std::string format_text(const std::vector<MissingSystem>& systems) {
  const auto& options = options_of(systems);
  std::string text;
  for (std::size_t pattern = 0; pattern < options.patterns.size(); ++pattern) {
    text += fmt::format("{}MAE by {}, {} (seed {} of the losses)\n", text.empty() ? "" : "\n",
                        options.kind == CorruptionKind::noise ? "strength of noise" : "missing rate",
                        missing_title(options, pattern), options.seed);
    std::vector<std::string> header{"system"};
    for (const double rate : options.rates) header.push_back(fmt::format("{}", rate));
    if (options.rates.size() > 1) header.emplace_back("area");
    Table table(header);
    for (const auto& system : systems) {
      const auto means = system.mean(pattern, "MAE");
      std::vector<std::string> cells{title_of(system)};
      for (const double value : means) cells.push_back(format_metric("MAE", value));
      if (options.rates.size() > 1) cells.push_back(format_metric("MAE", area_under(options.rates, means)));
      table.add(cells);
    }
    text += table.text();
  }
  return text;
}

std::string format_csv(const std::vector<MissingSystem>& systems) {
  auto text = io::csv_line({"system", "seed", "kind", "pattern", "rate", "metric", "value", "n"});
  for (const auto& system : systems)
    for (std::size_t i = 0; i < system.reports.size(); ++i)
      for (const auto& curve : system.reports[i].curves)
        for (std::size_t rate = 0; rate < curve.metrics.size(); ++rate)
          for (const auto& metric : curve.metrics[rate].values)
            text += io::csv_line({system.name, std::to_string(system.seeds[i]), name_of(system.reports[i].options.kind),
                                  curve.pattern, fmt::format("{}", system.reports[i].options.rates[rate]), metric.name,
                                  csv_number(metric.value), std::to_string(metric.n)});
  return text;
}

FigureSource missing_figure(const std::vector<MissingSystem>& systems, std::size_t pattern) {
  const auto& options = options_of(systems);
  FigureSource figure;
  figure.name = fmt::format("missing-{}-{}", name_of(options.kind), file_name(options.patterns[pattern]));
  figure.caption = fmt::format("MAE, {}; means over seeds.", missing_title(options, pattern));
  figure.data = "# rate MAE; a block per system\n";
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < systems.size(); ++i) {
    if (i > 0) figure.data += "\n\n";
    const auto means = systems[i].mean(pattern, "MAE");
    for (std::size_t rate = 0; rate < means.size(); ++rate)
      figure.data += fmt::format("{} {}\n", options.rates[rate], gnuplot_number(means[rate]));
    lines.push_back(fmt::format("{} index {} using 1:2 with linespoints pt 7 ps 0.5 lw 1.5 lc {} title {}",
                                gnuplot_text(figure.name + ".dat"), i, i + 1, gnuplot_text(title_of(systems[i]))));
  }
  figure.plot = fmt::format(
      "set xlabel {}\nset ylabel 'MAE'\nset grid lc rgb '#dddddd'\nset key outside right top\n"
      "set xrange [0:*]\nset offsets 0, graph 0.03, graph 0.05, graph 0.05\nset datafile missing 'NaN'\nplot {}\n",
      options.kind == CorruptionKind::noise ? "'strength of noise'" : "'missing rate'", join(lines, ", \\\n     "));
  figure.width = 720;
  return figure;
}

}  // namespace kuda
