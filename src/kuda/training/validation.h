#pragma once
// What an epoch reached on a split: the values by which epochs are compared.
//
//   const SplitScore valid = score_split(task, config, task.valid, run);

#include <cstdint>
#include <limits>
#include <vector>

#include "kuda/training/trainer.h"

namespace kuda {

struct SplitScore {
  double mae = std::numeric_limits<double>::quiet_NaN();   ///< as the data set's metric family counts it
  double corr = std::numeric_limits<double>::quiet_NaN();  ///< the same
  double loss =
      std::numeric_limits<double>::quiet_NaN();  ///< mean over batches; only when config.select_by asks for it
};

/// NaN throughout where `rows` is empty. The batches are dealt out to the processes of `run.group`; all get the same
/// numbers. Throws Interrupted when `run.stop` is set, Error naming the clips when a score or the loss is not finite.
[[nodiscard]] SplitScore score_split(const TrainingTask& task, const TrainConfig& config,
                                     const std::vector<std::int64_t>& rows, const TrainingRun& run);

}  // namespace kuda
