#pragma once
// Options shared by the verbs that make or describe a run; the short ones are those of MMSA.
//
//   auto options = std::make_shared<RunOptions>();
//   options->add_to(*verb);
//   verb->callback([options] { RunConfig config = options->config(); ... });

#include <CLI/App.hpp>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kuda/base/progress.h"
#include "kuda/checkpoint/run_config.h"
#include "kuda/tensor/process_group.h"

namespace kuda {

struct RunOptions {
  std::string data, pretrain_data, model, file, profile, encoder, modalities, device, precision, out;
  std::vector<std::string> seeds;
  std::vector<std::string> sets;
  double join_seconds = 60;

  void add_to(CLI::App& verb);      ///< -d -m -c -s --profile --encoder --modalities --device --precision --set
  void add_out_to(CLI::App& verb);  ///< --out --join-seconds

  /// Defaults < file < these options < --set. Throws ConfigError and UsageError.
  [[nodiscard]] RunConfig config(const std::optional<std::string>& seed = std::nullopt) const;
  /// The same for each seed that was given (or that of the file).
  [[nodiscard]] std::vector<RunConfig> configs() const;
  /// Where the run of a seed goes: --out itself, below it "seed-N" when there are several seeds; without --out
  /// runs/MODEL-DATA-SEED.
  [[nodiscard]] std::filesystem::path folder(const RunConfig& config) const;
  /// Calls `work(config, folder, progress, group)` for each run, in the processes that a launcher started for them.
  void for_each_run(const std::function<void(RunConfig& config, const std::filesystem::path& folder, Progress& progress,
                                             const ProcessGroup& group)>& work) const;
  /// The processes that a launcher started for these runs. All but the first log nothing from here on. Throws as
  /// ProcessGroup::from_environment does.
  [[nodiscard]] std::unique_ptr<ProcessGroup> join_processes(const RunConfig& config) const;
};

/// "T,V", "text,audio" or "TVA" as names of modalities. Throws ConfigError.
[[nodiscard]] std::vector<std::string> modality_names(const std::string& list);

}  // namespace kuda
