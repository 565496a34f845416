#pragma once
// Private to runs: one task, trained into its run folder.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kuda/runs/procedure.h"
#include "kuda/runs/run_folder.h"
#include "kuda/runs/run_inputs.h"

namespace kuda {

/// Whose label a task learns; nothing: the clip's one label.
using Target = std::optional<Modality>;

/// Rows of a split whose clips have the label that the task learns.
[[nodiscard]] std::vector<std::int64_t> labelled(const Dataset& dataset, Split split, Target target);

/// One task of a run.
struct Plan {
  std::string name;  ///< kMainTask or that of a pretraining task
  std::shared_ptr<Model> model;
  DataShape shape;  ///< that the saved model is built for
  Target target;
  TrainConfig options;
  /// Run of the task that reads text alone, below the folder of this one; empty: there is none.
  std::filesystem::path text_only{};
  std::optional<std::int64_t> fold{};  ///< the part of pretrain.folds that it is not trained on
};

/// What the tasks of a run share.
struct Surroundings {
  Progress& progress;
  const std::atomic<bool>& stop;
  const ProcessGroup& group;
  RunInputs& inputs;
};

/// Held by the first process, for all.
[[nodiscard]] std::unique_ptr<FolderLock> lock_folder(const std::filesystem::path& folder, const ProcessGroup& group);

/// Opens the run folder and says whether its run is finished.
bool open_and_look(const std::filesystem::path& folder, RunConfig& config, bool restart, const Surroundings& around);

/// Trains one task into its run folder: state, epochs, checkpoints, predictions, metrics.
void run_task(const std::filesystem::path& out, const Plan& plan, RunConfig& config, Session& session,
              const Surroundings& around);

}  // namespace kuda
