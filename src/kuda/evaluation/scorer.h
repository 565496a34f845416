#pragma once
// A checkpoint on a data set: what evaluate, predict and compare share.
//
//   const Scorer scorer("run/model", dataset, {.modalities = {"text"}});
//   const auto predictions = scorer.predict(dataset.rows(Split::test));
//   std::cout << evaluate(scorer, predictions).table(Split::test);

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "kuda/checkpoint/checkpoint.h"
#include "kuda/checkpoint/predictions.h"
#include "kuda/data/corruption.h"
#include "kuda/runs/report.h"

namespace kuda {

struct ScoringOptions {
  std::vector<std::string> modalities{};  ///< a subset of those the model was trained with; empty: all of them
  std::int64_t batch_size = 32;           ///< any from 1; it changes a score by float32 rounding only
  std::string device = "cpu";
  std::string precision = "fp32";           ///< tensor/precision.h
  Progress* progress = nullptr;             ///< silent without
  const std::atomic<bool>* stop = nullptr;  ///< asks for a stop between batches
  bool any_recipe = false;                  ///< also data that were made from video by another recipe than in training
};

class Scorer {
 public:
  /// `folder`: as load_checkpoint. The data set must outlive the scorer. Throws CheckpointError when data and model do
  /// not fit, naming both; ConfigError for modalities, batch size, device and precision.
  Scorer(const std::filesystem::path& folder, const Dataset& dataset, ScoringOptions options = {});
  Scorer(const Scorer&) = delete;
  Scorer& operator=(const Scorer&) = delete;

  /// One prediction per row, in their order, with the id, split and label of the clip.
  [[nodiscard]] std::vector<Prediction> predict(const std::vector<std::int64_t>& rows) const;
  /// The same of clips that lack something (data/corruption.h); its unknown word piece is that of the checkpoint.
  [[nodiscard]] std::vector<Prediction> predict(const std::vector<std::int64_t>& rows, Corruption corruption) const;
  [[nodiscard]] const Checkpoint& checkpoint() const noexcept { return checkpoint_; }
  [[nodiscard]] const Dataset& dataset() const noexcept { return dataset_; }
  [[nodiscard]] const Collator& collator() const noexcept { return *collator_; }
  /// For intervals around its scores; null where the checkpoint has none, or where fewer modalities are used than the
  /// errors it comes from.
  [[nodiscard]] const Calibration* calibration() const noexcept;
  /// What a reader of the numbers must know: other data than in training, fewer modalities, chosen on the test split.
  [[nodiscard]] std::vector<std::string> notes() const;

 private:
  [[nodiscard]] std::vector<Prediction> predict(const std::vector<std::int64_t>& rows, const Collate& collate) const;
  const Dataset& dataset_;
  ScoringOptions options_;
  Checkpoint checkpoint_;
  std::unique_ptr<Collator> collator_;
};

/// Metrics of predictions of a scorer, with mean and majority predictors from the training labels of its data set, and
/// the model's text decoder as the text-only predictor where it has one. Splits without labels stay empty.
[[nodiscard]] Report evaluate(const Scorer& scorer, const std::vector<Prediction>& predictions);

/// "train", "valid", "test" or "all" as rows, in the order of the data set. Throws ConfigError for other words.
[[nodiscard]] std::vector<std::int64_t> rows_of(const Dataset& dataset, const std::string& split);
/// Rows of clips by id ("video$_$clip"), in the order asked for. Throws DataError naming an unknown one and the
/// nearest, and for an id of several clips.
[[nodiscard]] std::vector<std::int64_t> rows_of_clips(const Dataset& dataset, const std::vector<std::string>& ids);

}  // namespace kuda
