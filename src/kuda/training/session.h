#pragma once
// What the parts of one run share: the data set, the text encoder, the batches, and what a checkpoint must remember.

#include <memory>
#include <optional>

#include "kuda/data/collate.h"
#include "kuda/data/dataset.h"
#include "kuda/training/checkpoint.h"
#include "kuda/training/run_config.h"

namespace kuda {

class Session {
 public:
  /// Opens the data at `path` for the run's model. Throws ConfigError when the model needs what is not given: a text
  /// encoder, an aligned data set.
  Session(const RunConfig& config, const std::string& path);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  [[nodiscard]] const Dataset& dataset() const noexcept { return dataset_; }
  [[nodiscard]] const TextEncoder& text() const noexcept { return text_; }
  [[nodiscard]] const WordPiece* tokenizer() const { return tokenizer_ ? &*tokenizer_ : nullptr; }
  [[nodiscard]] const DataShape& shape() const noexcept { return shape_; }
  /// Batches for a task: `target` as in DataConfig, `crop` for padding-invariant models.
  [[nodiscard]] Collator collator(const DataConfig& config, const std::string& target, bool crop) const;
  [[nodiscard]] CheckpointFacts facts(const std::string& task, const DataShape& shape) const;

 private:
  Dataset dataset_;
  TextEncoder text_;
  std::optional<WordPiece> tokenizer_;
  DataShape shape_;
  mutable std::optional<Normaliser> normaliser_;  ///< fitted once, on the first collator
};

}  // namespace kuda
