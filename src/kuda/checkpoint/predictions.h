#pragma once
// Scores of clips as a file, one line per clip id, and their metrics.
//
//   write_predictions("predictions.csv", predict_dataset(*model, collate, dataset, rows, options));

#include <filesystem>
#include <string>
#include <vector>

#include "kuda/checkpoint/predict.h"
#include "kuda/data/dataset.h"
#include "kuda/metrics/metrics.h"

namespace kuda {

/// predict_rows with the split of each clip.
[[nodiscard]] std::vector<Prediction> predict_dataset(Model& model, const Collate& collate, const Dataset& dataset,
                                                      const std::vector<std::int64_t>& rows,
                                                      const PredictOptions& options);

/// Columns as docs/data-formats.md lists them, ratio and parts only where the model gives some; unknown values are
/// empty. Numbers are the shortest that read back to the same float32. Atomic.
void write_predictions(const std::filesystem::path& path, const std::vector<Prediction>& predictions);
/// Files of earlier versions lack the unimodal labels, or ratio and parts: they are unknown then. Throws DataError
/// naming file and line.
[[nodiscard]] std::vector<Prediction> read_predictions(const std::filesystem::path& path);

/// Metrics of those with a known label in one split. Throws DataError when there are none.
[[nodiscard]] Metrics measure(const std::vector<Prediction>& predictions, Split split, MetricFamily family);

/// Of the clips of a split whose label is known, in order.
struct LabelledScores {
  std::vector<float> scores, labels;
};
[[nodiscard]] LabelledScores labelled_scores(const std::vector<Prediction>& predictions, Split split);

}  // namespace kuda
