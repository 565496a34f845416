#pragma once
// The metrics of a model with those of predictors that know less beside them: the content of metrics.json.
//
//   const Report report = make_report(facts, predictions, train_labels, {});
//   std::cout << report.table(Split::test);
//   write_file("metrics.json", report.to_json());

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "kuda/checkpoint/conformal.h"
#include "kuda/checkpoint/predictions.h"
#include "kuda/metrics/metrics.h"

namespace kuda {

/// What the numbers are about.
struct ReportFacts {
  std::string model, task;  ///< task: "main", or the name of a pretraining task
  std::int64_t seed = 0;
  std::string data, data_fingerprint;
  bool is_synthetic = false;
  MetricFamily family = MetricFamily::mosi;
  std::string select = "valid";   ///< how the epoch was chosen; "test" marks every number
  std::string select_by = "mae";  ///< TrainConfig::select_by
  std::int64_t chosen_epoch = 0, epochs = 0;
};

struct ReportRow {
  std::string key;   ///< "model", "text_only", "mean", "majority"
  std::string name;  ///< for people
  Metrics metrics;
};

/// What the intervals around scores do on the test split.
struct IntervalCheck {
  std::size_t clips = 0;           ///< validation clips behind the intervals
  std::vector<Coverage> coverage;  ///< by form and level
};

struct Report {
  ReportFacts facts;
  std::array<std::vector<ReportRow>, 3> splits;  ///< by Split; empty where a split has no labelled clip
  std::array<std::string, 3> off_scale{};        ///< by Split: metrics/label_scale.h
  std::optional<IntervalCheck> intervals{};      ///< none without a calibration or without test labels
  [[nodiscard]] bool is_chosen_on_test() const { return facts.select == "test"; }
  /// The rows of one split as text, with what a reader must know above and below. Ends with "\n".
  [[nodiscard]] std::string table(Split split) const;
  /// {"model", ..., "splits": {"test": {"model": {"n", "values": {"MAE": {"value", "n"}, ...}}, "mean": ...}}}
  [[nodiscard]] std::string to_json() const;
};

/// Metrics of each split that has labelled predictions; mean and majority predictors where there are training labels;
/// the text-only predictor where `text_only` (same clips, scores from text alone) is not empty.
[[nodiscard]] Report make_report(ReportFacts facts, const std::vector<Prediction>& predictions,
                                 std::span<const float> train_labels, const std::vector<Prediction>& text_only = {});

/// Nothing where no clip of the test split has a label.
[[nodiscard]] std::optional<IntervalCheck> check_intervals(const Calibration& calibration,
                                                           const std::vector<Prediction>& predictions);

/// The reverse of Report::to_json. Throws DataError naming the file.
[[nodiscard]] Report read_report(const std::filesystem::path& path);

/// The same clips with the score of the model's text decoder; empty when the model has none.
[[nodiscard]] std::vector<Prediction> text_decoder_scores(const std::vector<Prediction>& predictions);

}  // namespace kuda
