#pragma once
// A whole run in one run folder (run_folder.h lists its files): the tasks before the main one where the model has them,
// the main task, predictions, metrics, checkpoints.
//
//   RunConfig config = RunConfig::load("configs/kuda_mosi.toml", {});
//   ConsoleProgress progress;
//   const std::atomic<bool> stop{false};
//   run_training(config, "runs/mosi-1111", progress, stop);
//   std::cout << read_report("runs/mosi-1111/metrics.json").table(Split::test);
//
// The same call continues after a stop or a kill and ends with the same bytes; after the end it does nothing.
// Several processes may make it together (training/data_parallel.h): the first one writes the folder, all of them see
// it.

#include <atomic>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "kuda/base/progress.h"
#include "kuda/checkpoint/run_config.h"
#include "kuda/runs/report.h"
#include "kuda/runs/session.h"
#include "kuda/tensor/process_group.h"
#include "kuda/training/trainer.h"

namespace kuda {

/// What train() needs for a model on a session's clips: those that have the label the collator was made for. The
/// collator must outlive the task; name, identity and device are left to the caller.
[[nodiscard]] TrainingTask make_task(const Session& session, const Collator& collator, std::shared_ptr<Model> model);

/// Every pretraining task of the model into OUT/NAME, a run folder each. Tasks that are finished are kept.
/// Returns their names; none when the model, or its options, have no such task.
/// Throws ConfigError when OUT/NAME holds a run with other options (unless `restart`), when the device lacks the
/// precision, or when the work cannot be shared by the processes of `group`; DataError when the data have no unimodal
/// labels and they are asked for; Interrupted after a stop. A folder whose run is refused before any of its work is
/// saved is as it was before the call.
/// `only`: that task alone (UsageError for an unknown name). Each task draws from streams of its own, so processes that
/// do them side by side, one each, leave the same bytes in OUT as one process that does them all.
std::vector<std::string> run_pretrain(RunConfig& config, const std::filesystem::path& out, Progress& progress,
                                      const std::atomic<bool>& stop, bool restart = false,
                                      const ProcessGroup& group = ProcessGroup::alone(), const std::string& only = {});

/// Pretraining into OUT/pretrain (unless config.pretrained names a finished one, or the model needs none), then the
/// main task into OUT. Returns false when the run was finished before. Throws as run_pretrain does.
bool run_training(RunConfig& config, const std::filesystem::path& out, Progress& progress,
                  const std::atomic<bool>& stop, bool restart = false,
                  const ProcessGroup& group = ProcessGroup::alone());

/// True when the folder holds a run that came to its end.
[[nodiscard]] bool is_finished(const std::filesystem::path& out);

}  // namespace kuda
