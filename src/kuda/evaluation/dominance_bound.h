#pragma once
// What a ratio between modalities can be worth on given unimodal scores: a bound for every method that argues from the
// dominant modality.
//
//   const auto clips = unimodal_scores(io::read_any_csv("unimodal_predictions.csv"));
//   std::cout << bound_text(measure_bound(clips, 6));
//
// With the scores u_m of three unimodal models, the unimodal labels s_m and the label y, four predictors of y:
//   late fusion   weights and an offset by least squares on the validation clips (late_fusion.h)
//   learned       sum of R_m u_m with R_m = exp(-k d_m) / sum exp(-k d), d_m learned on the training clips from the
//   three
//                 scores as abs(s_m - y) (a hidden layer of 32; mean of five fits)
//   by labels     the same with the true abs(s_m - y): perfect knowledge of the dominant modality as KuDA defines it
//   by errors     the same with the true abs(u_m - y): out of reach, since it knows the label
// Where "by labels" is no better than late fusion, no ratio that is taught by unimodal labels can help these scores.

#include <string>
#include <vector>

#include "kuda/checkpoint/predictions.h"
#include "kuda/io/csv.h"
#include "kuda/metrics/statistics.h"

namespace kuda {

struct BoundRow {
  std::string name;
  double mae = kUndefined;
  Interval difference;  ///< 95 % paired bootstrap interval of its MAE minus that of late fusion; NaN for late fusion
};

struct DominanceBound {
  std::size_t train = 0, valid = 0, test = 0;  ///< clips with three scores and four labels
  double k = 0;
  std::vector<BoundRow> rows;
};

/// A table with ids, split (or mode), label, label_T, label_V, label_A and prediction_T, prediction_V, prediction_A (or
/// pred_T ...): a run's predictions.csv, or somebody else's. Throws DataError naming file, column and line.
[[nodiscard]] std::vector<Prediction> unimodal_scores(const io::CsvTable& table);
/// Whether the header of a table names three unimodal scores. Throws DataError where it names one or two.
[[nodiscard]] bool has_unimodal_scores(const io::CsvTable& table);

/// On the test clips. "learned" is left out without training clips. Throws DataError where no test clip has all labels
/// and scores.
[[nodiscard]] DominanceBound measure_bound(const std::vector<Prediction>& clips, double k);

/// Ends with "\n".
[[nodiscard]] std::string bound_text(const DominanceBound& bound);
[[nodiscard]] std::string bound_json(const DominanceBound& bound);

}  // namespace kuda
