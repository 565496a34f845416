#pragma once
// The explanations of a finished run, kept in its folder for `kuda report`.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

#include "kuda/checkpoint/predict.h"
#include "kuda/checkpoint/run_config.h"
#include "kuda/data/dataset.h"

namespace kuda {

/// The dominant modality of these clips of a synthetic set whose truth lies beside it; empty for other data.
[[nodiscard]] std::vector<std::optional<Modality>> dominant_of(const Dataset& dataset,
                                                               const std::vector<std::int64_t>& rows);

/// Explains every clip of the test split with the run's model and writes RUN/explain.json (explain/explain.h); nothing
/// when the file is there or the split is empty. `config`: of that run. Throws as explain_rows does.
void explain_run(const std::filesystem::path& run, const RunConfig& config, const std::atomic<bool>& stop);

}  // namespace kuda
