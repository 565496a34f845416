#pragma once
// The files of a run folder. Each is written atomically; metrics.json comes last and says that the run is finished.

#include <filesystem>
#include <string>
#include <vector>

#include "kuda/training/predictions.h"
#include "kuda/training/run_config.h"
#include "kuda/training/session.h"
#include "kuda/training/trainer.h"

namespace kuda {

/// Makes the folder and writes config.toml. Throws ConfigError when it holds another configuration.
void open_run_folder(const std::filesystem::path& out, RunConfig& config);
/// run.json: versions, device, threads, seed, data fingerprint, what cleaning did.
void write_run_facts(const std::filesystem::path& out, const RunConfig& config, const Session& session,
                     const std::vector<std::string>& notes);
/// metrics.json: the chosen epoch, how it was chosen, and per split the metrics with majority and mean predictors.
void write_metrics(const std::filesystem::path& out, const RunConfig& config, const Session& session,
                   const TrainingResult& result, const std::vector<Prediction>& predictions, const std::string& select);

}  // namespace kuda
