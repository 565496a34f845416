#pragma once
// One optimiser step: forward, loss and backward batch by batch, the sums over all processes, the checks, the update.
//
//   const StepSums sums = train_step(task, config, run, optimizer, {.rows = rows, .seed = seed});

#include <cstdint>
#include <vector>

#include "kuda/training/data_parallel.h"
#include "kuda/training/optimizer.h"
#include "kuda/training/trainer.h"

namespace kuda {

struct StepOrder {
  const std::vector<std::int64_t>& rows;  ///< the clips of all its batches
  std::uint64_t seed = 0;                 ///< of dropout
  std::int64_t epoch = 1, step = 1;       ///< from 1, for messages
};

/// Does the step in parts of config.batch_size, of which each process of run.group does its own. As a mean, each part
/// counts by its number of clips, so the gradient is that of one large batch. Dropout depends on the seed and the part,
/// not on who does it. Throws Error at the first loss term or gradient that is not finite, naming it, epoch, step and
/// clips; the weights are as they were then.
[[nodiscard]] StepSums train_step(const TrainingTask& task, const TrainConfig& config, const TrainingRun& run,
                                  Optimizer& optimizer, const StepOrder& order);

}  // namespace kuda
