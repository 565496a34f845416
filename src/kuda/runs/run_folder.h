#pragma once
// The files of a run folder. Each is replaced atomically; metrics.json comes last and says that the run is finished.
//
//   config.toml        the complete configuration
//   run.json           versions, device, threads, seed, day, digests of what it reads, cleaning counts, wall time; what
//   an
//                      ideal predictor reaches where the data are synthetic
//   epochs.jsonl       one line per epoch
//   predictions.csv    every clip: id, split, label, prediction, unimodal predictions and labels, parts
//   metrics.json       runs/report.h
//   explain.json       with `kuda train --explain`: which modality decided the test clips
//   model/ last/       checkpoints of the chosen and of the last epoch
//   state/             to continue; removed when the run is finished
//   pretrain/NAME/     a run folder per task that precedes the main one

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kuda/base/folder.h"
#include "kuda/checkpoint/predictions.h"
#include "kuda/checkpoint/run_config.h"
#include "kuda/runs/run_inputs.h"
#include "kuda/runs/session.h"
#include "kuda/training/trainer.h"

namespace kuda {

/// Keeps other processes out of a folder while it lives. Throws Error when another one works there.
class FolderLock {
 public:
  explicit FolderLock(const std::filesystem::path& folder);  ///< makes the folder

 private:
  std::unique_ptr<FileLock> lock_;
};

/// Makes the folder and writes config.toml. Throws ConfigError naming the first differences when it holds a run with
/// options that give other numbers, unless `restart`: then the old run is removed. Data, encoder and stage 1 are
/// compared by content where their paths differ.
void open_run_folder(const std::filesystem::path& out, RunConfig& config, RunInputs& inputs, bool restart);
void open_run_folder(const std::filesystem::path& out, RunConfig& config, bool restart = false);

/// Removes what open_run_folder and a run write; files of others stay.
void clear_run_folder(const std::filesystem::path& out);

/// The options of a run folder, every key: those that are younger than the run have their default. Where the file is of
/// a program whose keys or models are not ours: its keys as they stand. Throws ConfigError where it is no TOML.
[[nodiscard]] std::vector<Setting> options_in(const std::filesystem::path& config_toml);

/// run.json. `result`: null at the start, else what training gave.
void write_run_facts(const std::filesystem::path& out, const RunConfig& config, const Session& session,
                     RunInputs& inputs, const std::vector<std::string>& notes, const TrainingResult* result);

/// metrics.json, with the text-only predictor of the run in the folder `text_only` where it scored these clips, else
/// from the model, and with what the intervals of `calibration` do on the test split.
void write_metrics(const std::filesystem::path& out, const RunConfig& config, const std::string& task,
                   const Session& session, const TrainingResult& result, const std::vector<Prediction>& predictions,
                   const std::optional<Calibration>& calibration, const std::filesystem::path& text_only = {});

}  // namespace kuda
