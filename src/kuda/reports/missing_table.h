#pragma once
// Several systems under missing or noisy modalities, side by side: table, file and curves.
//
//   std::vector<MissingSystem> systems = {{"kuda", reports_of_its_seeds}, {"lmf", others}};
//   std::cout << format_text(systems);
//   draw(missing_figure(systems, 0), "out");

#include <string>
#include <vector>

#include "kuda/evaluation/missing.h"
#include "kuda/reports/figures.h"

namespace kuda {

struct MissingSystem {
  std::string name;
  std::vector<std::int64_t> seeds;
  std::vector<MissingReport> reports;  ///< by seed, all with the same options
  /// Mean over the seeds at each rate.
  [[nodiscard]] std::vector<double> mean(std::size_t pattern, const std::string& metric) const;
};

/// One table per pattern: MAE of each system at each rate and the area under it, as mean over seeds. Ends with "\n".
[[nodiscard]] std::string format_text(const std::vector<MissingSystem>& systems);
/// One line per system, seed, pattern, rate and metric.
[[nodiscard]] std::string format_csv(const std::vector<MissingSystem>& systems);
/// MAE by rate, a line per system.
[[nodiscard]] FigureSource missing_figure(const std::vector<MissingSystem>& systems, std::size_t pattern);

}  // namespace kuda
