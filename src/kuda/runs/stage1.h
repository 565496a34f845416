#pragma once
// Private to runs: stage 1. The tasks before the main one, trained into OUT/NAME each, and what the main model takes of
// them.

#include <filesystem>
#include <string>
#include <vector>

#include "kuda/models/model.h"
#include "kuda/runs/run_task.h"

namespace kuda {

/// Every task, or the one that is named, on pretrain.data where they are given, else on those of the session. Returns
/// their names. Throws as run_pretrain does.
std::vector<std::string> pretrain_into(RunConfig& config, const std::filesystem::path& out, Session& target,
                                       const Surroundings& around, bool restart, const std::string& only = {});

/// The folder of finished tasks: the one that config.pretrained names, as itself or as the run that made it, else that
/// of the run.
[[nodiscard]] std::filesystem::path pretrained_folder(const RunConfig& config, const std::filesystem::path& out);

/// Weights of the tasks into the model. Throws CheckpointError for a missing or damaged one, ConfigError for features
/// of another recipe.
void adopt_pretrained(const RunConfig& config, const std::filesystem::path& folder,
                      const std::vector<PretrainTask>& tasks, const Dataset& dataset, Model& model, Progress& progress);

}  // namespace kuda
