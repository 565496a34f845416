#pragma once
// Everything a run needs to continue, in one file that is replaced atomically:
//   state/last.safetensors   "model/NAME", "optimizer/NAME/...", progress as JSON in the metadata
//   state/best.safetensors   the weights of the best epoch so far, written before it
//   state/best_optimizer.safetensors   its moments, written before both, with the schedule "reload" only
// A kill between them is harmless: the epoch is done again and writes the same.
// No generator is stored: every random stream is a function of seed, name and position.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "kuda/models/model.h"
#include "kuda/training/optimizer.h"

namespace kuda {

/// A loss term summed up, by its name: a model may have other terms in another phase, or in another batch.
struct TermSum {
  std::string name;
  double sum = 0;          ///< over the clips of the batches that had it
  std::int64_t clips = 0;  ///< these
};
void add_term(std::vector<TermSum>& sums, const TermSum& more);

/// One finished epoch: a line of epochs.jsonl.
struct EpochRecord {
  std::int64_t epoch = 0;  ///< from 1
  double lr = 0;
  double loss = 0;                                    ///< mean over the clips of the epoch, dropout on
  std::vector<std::pair<std::string, double>> terms;  ///< its terms, each the mean over the clips that had it
  double valid_mae = 0, valid_corr = 0;               ///< NaN without validation clips
  double test_mae = 0;                                ///< only with select = "test", else NaN
  double valid_loss = 0, test_loss = 0;               ///< as the two before, by select_by; NaN with "mae"
  bool is_best = false;                               ///< lowest selection value so far
  double seconds = 0;                                 ///< wall time, not part of what repeats
};

/// Where the loop stands: `step` optimiser steps of epoch `epoch` are done.
struct TrainingProgress {
  std::string identity;        ///< of task, data and options: a state of another run is refused
  std::int64_t threads = 0;    ///< numbers repeat with the same count only
  std::int64_t processes = 1;  ///< the same
  std::int64_t epoch = 0;      ///< 0-based
  std::int64_t step = 0;
  std::int64_t clips = 0;  ///< of this epoch so far
  double loss_sum = 0;     ///< over those clips
  std::vector<TermSum> term_sums;
  double seconds = 0;  ///< of this epoch so far
  std::vector<EpochRecord> history;
  std::int64_t best_epoch = 0;  ///< from 1; 0 = none yet
  double best_value = 0;        ///< of the selection
};

[[nodiscard]] std::string to_json(const EpochRecord& record);  ///< one line, without "\n"
[[nodiscard]] std::string to_json(const TrainingProgress& progress);
/// Throws CheckpointError naming `source`.
[[nodiscard]] TrainingProgress parse_progress(const std::string& json, const std::string& source);

/// Replaces folder/last.safetensors.
void save_state(const std::filesystem::path& folder, const Model& model, const std::vector<Optimizer>& optimizers,
                const TrainingProgress& progress);
/// Loads folder/last.safetensors into model and optimiser; nothing when there is none.
/// Throws CheckpointError when the file is damaged, or belongs to another run (`identity`).
[[nodiscard]] std::optional<TrainingProgress> restore_state(const std::filesystem::path& folder, Model& model,
                                                            std::vector<Optimizer>& optimizers,
                                                            const std::string& identity);

/// Replaces folder/best.safetensors and, `with_moments`, folder/best_optimizer.safetensors.
void write_best(const std::filesystem::path& folder, const Model& model, const std::vector<Optimizer>& optimizers,
                std::int64_t epoch, bool with_moments);
/// Throws CheckpointError when what write_best wrote is damaged or gone: found at the start, not at the end. The bytes
/// of the weights are not looked at.
void check_best(const std::filesystem::path& folder, bool with_moments);
/// Puts back what write_best wrote with moments. Throws CheckpointError when a file is damaged.
void restore_best(const std::filesystem::path& folder, Model& model, std::vector<Optimizer>& optimizers);

/// Removes what a kill in the middle of a write left behind (*.tmp). For folders that one process at a time works in.
void remove_unfinished_files(const std::filesystem::path& folder);

/// One line per epoch, replaced atomically.
void write_epochs(const std::filesystem::path& file, const std::vector<EpochRecord>& history);
/// The reverse. Throws DataError naming the file.
[[nodiscard]] std::vector<EpochRecord> read_epochs(const std::filesystem::path& file);

}  // namespace kuda
