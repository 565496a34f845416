#pragma once
// A whole run: stage 1 where the model has one, the main task, predictions, metrics, checkpoints, in one run folder.
//
//   RunConfig config = RunConfig::load("configs/kuda_mosi.toml", {});
//   ConsoleProgress progress;
//   const std::atomic<bool> stop{false};
//   run_training(config, "runs/mosi-1111", progress, stop);

#include <atomic>
#include <filesystem>
#include <string>
#include <vector>

#include "kuda/training/progress.h"
#include "kuda/training/run_config.h"

namespace kuda {

/// Every pretraining task of the model into OUT/NAME (a run folder each). A finished task is kept.
/// Returns the names. Throws ConfigError when unimodal labels are asked for and missing.
std::vector<std::string> run_pretrain(RunConfig& config, const std::filesystem::path& out, Progress& progress,
                                      const std::atomic<bool>& stop);

/// Stage 1 (unless config.pretrained names a finished one, or the model needs none) into OUT/pretrain, then the main
/// task into OUT: config.toml, run.json, epochs.jsonl, predictions.csv, metrics.json, model/ (chosen epoch), last/
/// (last epoch), state/ (to resume, removed at the end). The same command goes on after a stop or a kill, and does
/// nothing after the end. Throws ConfigError when OUT holds a run with other options.
void run_training(RunConfig& config, const std::filesystem::path& out, Progress& progress,
                  const std::atomic<bool>& stop);

/// True when the folder holds a run that came to its end.
[[nodiscard]] bool is_finished(const std::filesystem::path& out);

}  // namespace kuda
