#pragma once
// Clips of a data set as a batch: cleaned, truncated, standardised, padded, masked.
//
//   const Collator collate(dataset, &tokenizer, config);
//   for (const auto& rows : batches) train_on(collate(rows));       // any number of rows from 1
//   const DataShape shape = collate.shape();                        // what a model is built for

#include <torch/torch.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kuda/data/batch.h"
#include "kuda/data/cut.h"
#include "kuda/data/data_config.h"
#include "kuda/data/dataset.h"
#include "kuda/data/normaliser.h"
#include "kuda/data/shape.h"
#include "kuda/data/token_source.h"
#include "kuda/text/wordpiece.h"

namespace kuda {

class Collator {
 public:
  /// `dataset` and `tokenizer` must outlive the collator. Without a tokenizer batches have no token ids (models that
  /// read pre-computed text features need none). A normaliser is fitted on the training split when the configuration
  /// needs one and none is given; give the one of the checkpoint to predict.
  /// Throws ConfigError and DataError: a modality that the data set lacks, widths that do not fit the normaliser, a
  /// vocabulary that does not fit the ids, values that are not finite with clean = "fail".
  Collator(const Dataset& dataset, const WordPiece* tokenizer, DataConfig config,
           std::optional<Normaliser> normaliser = {});

  /// Every sequence is padded to its full length, or with config.crop to the longest of these clips.
  /// Throws DataError for an empty list, a row beyond the data set, or a clip without the unimodal label that
  /// config.target asks for. An unknown multimodal label is NaN: clips to predict have none.
  [[nodiscard]] Batch operator()(const std::vector<std::int64_t>& rows) const;

  [[nodiscard]] const DataShape& shape() const noexcept { return shape_; }
  [[nodiscard]] const DataConfig& config() const noexcept { return config_; }
  [[nodiscard]] const std::optional<Normaliser>& normaliser() const noexcept { return normaliser_; }
  /// What a batch leaves out of a clip that is longer than its sequences.
  [[nodiscard]] Cuts cuts(std::int64_t row) const;
  /// Bytes of a full batch of `size` clips, for the memory estimate.
  [[nodiscard]] std::int64_t batch_bytes(std::int64_t size) const noexcept;
  /// What a user might not expect, for the run's log.
  [[nodiscard]] std::vector<std::string> notes() const;

 private:
  [[nodiscard]] Sequence collate_feature(Modality modality, std::int64_t length,
                                         const std::vector<std::int64_t>& rows) const;
  void collate_tokens(Batch& batch) const;
  void collate_labels(Batch& batch) const;

  const Dataset& dataset_;
  DataConfig config_;
  std::optional<Normaliser> normaliser_;
  std::optional<TokenSource> tokens_;
  DataShape shape_;
};

/// Lengths and widths for a model on this data. Cheaper than a collator: reads no feature.
[[nodiscard]] DataShape shape_of(const Dataset& dataset, const DataConfig& config, const WordPiece* tokenizer);

/// `rows` in the order of one epoch: the same seed and epoch give the same order, whatever happened before.
[[nodiscard]] std::vector<std::int64_t> epoch_order(std::vector<std::int64_t> rows, std::uint64_t seed,
                                                    std::int64_t epoch);

}  // namespace kuda
