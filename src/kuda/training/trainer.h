#pragma once
// One training loop for every model and for the tasks before the main one. It knows no model by name.
//
//   TrainingTask task{.name = "kuda", .model = model, .train = rows, .valid = other_rows, .collate = collate};
//   const TrainingResult result = train(task, config, 1111, {.state = run / "state"});
//   use_chosen_epoch(*model, result);
//
// Same task, options and seed on the same machine with the same number of threads give the same bytes, also when the
// work was stopped or killed and begun again with the same call.

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "kuda/checkpoint/predict.h"
#include "kuda/checkpoint/train_config.h"
#include "kuda/data/corruption.h"
#include "kuda/metrics/metrics.h"
#include "kuda/tensor/process_group.h"
#include "kuda/training/training_state.h"

namespace kuda {

struct TrainingTask {
  std::string name;                              ///< for messages: "kuda", "pretrain text"
  std::string identity;                          ///< what else makes this very task: data fingerprint, model options
  std::shared_ptr<Model> model;                  ///< with its initial weights, on `device`
  std::vector<std::int64_t> train, valid, test;  ///< rows with a known label
  Collate collate;                               ///< batches with the label that this task learns
  Corruption drop{};                             ///< what training batches lose, anew in each epoch
  MetricFamily family = MetricFamily::mosi;      ///< decides how MAE and Corr of an epoch are counted
  torch::Device device{torch::kCPU};
};

/// Where and how the work is done; nothing here changes a number.
struct TrainingRun {
  std::filesystem::path state{};            ///< folder of the saved state, made when it does not exist
  std::filesystem::path epochs{};           ///< epochs.jsonl; empty: not written
  Progress* progress = nullptr;             ///< silent without
  const std::atomic<bool>* stop = nullptr;  ///< asks for a clean stop
  /// Processes that share the work (data_parallel.h). The first one writes; all of them see the folder.
  const ProcessGroup& group = ProcessGroup::alone();
  [[nodiscard]] bool is_asked_to_stop() const { return stop != nullptr && *stop; }
};

struct TrainingResult {
  std::vector<EpochRecord> history;
  std::int64_t chosen_epoch = 0;        ///< from 1
  Selection select = Selection::valid;  ///< how; test marks every number made with it as a diagnostic
  SelectBy select_by = SelectBy::mae;
  bool is_stopped_early = false;
  std::filesystem::path chosen_weights;  ///< empty when the last epoch is the chosen one
};

/// Trains to the last epoch or to the early stop, in config.precision. On return the model holds the weights of the
/// last epoch, float32 as throughout, and computes in float32. A state found in the folder is continued. Before each
/// batch LibTorch's generator is seeded from (seed, step, batch of the step), so dropout needs no stored state; state
/// that a model keeps across batches must be registered buffers. Throws Interrupted, after saving, when `stop` is set;
/// Error at the first loss term, gradient or score that is not finite, naming term or parameter, epoch, step and clips;
/// ConfigError when the selection has no clips, or when the work cannot be shared by the processes of `group`;
/// CheckpointError when the folder holds the state of another run. What one process of a group throws or is asked ends
/// all of them, in the same step.
[[nodiscard]] TrainingResult train(const TrainingTask& task, const TrainConfig& config, std::uint64_t seed,
                                   const TrainingRun& run);

/// Puts the weights of the chosen epoch into the model.
void use_chosen_epoch(Model& model, const TrainingResult& result);

}  // namespace kuda
