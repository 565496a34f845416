#pragma once
// A checkpoint on a data set: everything that evaluate, predict and compare share.
//
//   const Scorer scorer("run/model", dataset, {.modalities = {"text"}});
//   const auto predictions = scorer.predict(dataset.rows(Split::test));

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "kuda/data/collate.h"
#include "kuda/training/checkpoint.h"
#include "kuda/training/predictions.h"

namespace kuda {

struct ScoringOptions {
  std::vector<std::string> modalities;  ///< a subset of those the model was trained with; empty: all of them
  std::int64_t batch_size = 32;         ///< any from 1; it does not change a score beyond float32 rounding
  std::string device = "cpu";
  Progress* progress = nullptr;
  const std::atomic<bool>* stop = nullptr;
};

class Scorer {
 public:
  /// `folder` is a checkpoint, or a run folder with one in model/. `dataset` must outlive the scorer.
  /// Throws CheckpointError when data and model do not fit, naming both sizes; ConfigError for modalities.
  Scorer(const std::filesystem::path& folder, const Dataset& dataset, ScoringOptions options);

  [[nodiscard]] std::vector<Prediction> predict(const std::vector<std::int64_t>& rows) const;
  [[nodiscard]] const Checkpoint& checkpoint() const noexcept { return checkpoint_; }
  /// What a reader of the numbers must know: other data than in training, fewer modalities.
  [[nodiscard]] std::vector<std::string> notes() const;

 private:
  [[nodiscard]] DataConfig data_config() const;
  const Dataset& dataset_;
  ScoringOptions options_;
  Checkpoint checkpoint_;
  std::unique_ptr<Collator> collator_;
};

/// "train", "valid", "test" or "all" as rows, in the order of the data set.
[[nodiscard]] std::vector<std::int64_t> rows_of(const Dataset& dataset, const std::string& split);

/// Known labels of some clips.
[[nodiscard]] std::vector<float> known_labels(const Dataset& dataset, const std::vector<std::int64_t>& rows);

}  // namespace kuda
