#pragma once
// Learning rate of an epoch: a function of its number and, for some schedules, of what the epochs before it reached or
// of the step within it.

#include <cstdint>
#include <span>

#include "kuda/checkpoint/train_config.h"

namespace kuda {

/// Rate in epoch `epoch` (0-based) of `num_epochs`:
///   released  the published KuDA and ALMT schedule: linear from 0 over w = warmup * num_epochs, then a cosine over
///               the rest. Epoch 0 has rate 0, and the full rate is used twice where w is whole.
///   shifted   the same with epoch 0 at base / w instead of 0
///   constant  base
/// Throws ConfigError for the others. Source: MKMaS-GUET/KuDA e60ef6b, which steps the schedule once an epoch.
[[nodiscard]] double learning_rate(Schedule schedule, double base, std::int64_t epoch, std::int64_t num_epochs,
                                   double warmup = 0.1);

/// Rate of the epoch after those whose selection values (lower is better) are given:
///   step      lr * decay^(epochs / decay_every)
///   multi_step  lr * decay^n, n the entries of decay_at that are at most the number of epochs (torch's MultiStepLR)
///   plateau   lr times decay each time `patience` + 1 epochs in a row were not better than the best before by a
///               relative 1e-4 (torch's ReduceLROnPlateau, mode min)
///   reload    that of reload_point
///   linear    by step: from 0 over warmup * T steps up to lr, then down to 0 at the end of the T = epochs * `steps`
///               steps of the run; the first step has rate 0 (pytorch_transformers' WarmupLinearSchedule)
/// and those above. `step` (0-based) is the step within the epoch, of `steps`; only linear looks at it.
[[nodiscard]] double learning_rate(const TrainConfig& config, std::span<const double> values, std::int64_t step = 0,
                                   std::int64_t steps = 1);

/// Where the schedule reload stands.
struct ReloadPoint {
  double rate = 0;           ///< of the next epoch
  std::int64_t reloads = 0;  ///< so far; training ends when there were TrainConfig::trials
  bool is_due = false;       ///< the next epoch starts from model and optimiser of the best one
};

/// Each time `patience` + 1 epochs in a row were not better than the best before, model and optimiser of the
/// best epoch come back, and the rate is decay times that of the best epoch. So the rate does not fall further when the
/// epochs after a reload bring nothing better either. Source: the published training loop of TMBL (JackAILab/TMBL
/// 59ac3c5); the weights that it loads in every tenth epoch for a printed test are not part of this.
[[nodiscard]] ReloadPoint reload_point(const TrainConfig& config, std::span<const double> values);

}  // namespace kuda
