#pragma once
// What the scores of a model that weighs the modalities are made of, of runs whose predictions.csv holds it: each
// modality's ratio, its part of the score, and the correction that the modalities make together.
//
//   if (const auto table = make_parts_table(data)) std::cout << format_text(*table);
//   write_file("parts.csv", clip_parts_csv({&data}));

#include <optional>
#include <string>
#include <vector>

#include "kuda/metrics/statistics.h"
#include "kuda/reports/run_collection.h"

namespace kuda {

/// Means over the clips of the split, over the seeds. n = 0 where the system has no such modality, or no parts.
struct PartsRow {
  std::string system;
  std::size_t num_seeds = 0;
  PerModality<Summary> ratio;
  PerModality<Summary> size;  ///< |part|; of a clip that lacks the modality 0
  Summary correction;         ///< |correction|
};

struct PartsTable {
  std::string title;  ///< as in ResultTable
  Split split = Split::test;
  std::vector<PartsRow> rows;
};

/// Of the systems that predict a ratio; nothing when there is none.
[[nodiscard]] std::optional<PartsTable> make_parts_table(const DataSetRuns& data);

/// A row per system: "0.31 ± 0.02" for a ratio, "0.1420 ± 0.0031" for a part. The first row is the header.
[[nodiscard]] std::vector<std::vector<std::string>> parts_cells(const PartsTable& table);
/// What the columns mean.
[[nodiscard]] std::string parts_legend();
/// Title, aligned columns and the legend. Ends with "\n".
[[nodiscard]] std::string format_text(const PartsTable& table);

/// What the score of one clip is made of, as means over the seeds: the parts and the correction add up to the score.
struct ClipParts {
  PerModality<double> ratio, parts;  ///< NaN where no seed has one; a modality that the clip lacks has a part of 0
  double correction = kUndefined;
};
/// By clip, as data.ids; empty when the system predicts no ratio.
[[nodiscard]] std::vector<ClipParts> clip_parts(const SystemRuns& system);

/// One line per data set, system, seed and clip of the split.
[[nodiscard]] std::string clip_parts_csv(const std::vector<const DataSetRuns*>& all);

}  // namespace kuda
