#pragma once
// What the parts of one run share: the data set, the text encoder, the batches, and what a checkpoint must remember.

#include <filesystem>
#include <optional>
#include <string>

#include "kuda/checkpoint/checkpoint.h"
#include "kuda/checkpoint/run_config.h"
#include "kuda/data/cleaning.h"
#include "kuda/data/collate.h"
#include "kuda/data/dataset.h"

namespace kuda {

/// Collators refer to the session's data set and tokenizer, so a session stays where it is and outlives them.
class Session {
 public:
  /// Opens the data at `path` for the run's model, batched as `collate` says. Throws ConfigError when no text encoder
  /// is given for a model that reads text, DataError when the data lack what the model needs.
  Session(const RunConfig& config, const std::string& path, const DataConfig& collate);
  /// The same with data that are open. Where their frames stay in the file, what cleaning does is not counted here.
  Session(const RunConfig& config, Dataset dataset, const DataConfig& collate);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  [[nodiscard]] const Dataset& dataset() const noexcept { return dataset_; }
  /// To put held-out scores into its clips; collators see them.
  [[nodiscard]] Dataset& dataset() noexcept { return dataset_; }
  [[nodiscard]] const TextEncoder& text() const noexcept { return text_; }
  [[nodiscard]] const WordPiece* tokenizer() const { return tokenizer_ ? &*tokenizer_ : nullptr; }
  [[nodiscard]] const DataShape& shape() const noexcept { return shape_; }
  [[nodiscard]] const CleaningCounts& cleaning() const;  ///< may read every feature once
  /// Batches for a task: `target` as in DataConfig, `crop` for padding-invariant models.
  [[nodiscard]] Collator collator(std::optional<Modality> target, bool crop);
  /// Of a checkpoint of this run; `shape` is that of the saved model.
  [[nodiscard]] CheckpointFacts facts(const std::string& task, const DataShape& shape) const;

 private:
  DataConfig collate_;
  Dataset dataset_;
  TextEncoder text_;
  std::optional<WordPiece> tokenizer_;
  DataShape shape_;
  mutable std::optional<CleaningCounts> cleaning_;
  mutable std::optional<PerModality<float>> largest_input_;  ///< read once, for the first checkpoint
  std::optional<Normaliser> normaliser_;                     ///< fitted once, by the first collator
};

}  // namespace kuda
