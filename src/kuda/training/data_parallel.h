#pragma once
// Data-parallel training: the batches that make one optimiser step (train.accumulate of them) are dealt out to the
// processes of a group, and what they give is added up before the step. So W processes do what one does with the same
// configuration; only the order of the sums differs.
//
//   for (auto part = group.rank(); part < num_parts; part += group.size()) ... backward(), sums.loss += ...
//   sum_step(group, model, sums);
//   optimizer.step();                       // the same step in every process

#include <cstdint>
#include <string>
#include <vector>

#include "kuda/checkpoint/train_config.h"
#include "kuda/models/model.h"
#include "kuda/tensor/process_group.h"
#include "kuda/training/training_state.h"

namespace kuda {

/// What the batches of one step add up to besides gradients.
struct StepSums {
  double loss = 0;  ///< over the clips
  std::int64_t clips = 0;
  std::vector<TermSum> terms;  ///< names only where a batch was done
  bool is_stop_asked = false;  ///< of any process
};

/// Throws ConfigError when these options give the processes of the group no step to share; `section` stands in front
/// of the keys.
void check_shares(const TrainConfig& config, const std::string& section, const ProcessGroup& group);

/// Replaces gradients and sums by those over all processes. A process that did no batch has the same gradients as the
/// others afterwards; a parameter that got none anywhere still has none.
void sum_step(const ProcessGroup& group, Model& model, StepSums& sums);

/// Gives parameters and buffers of the first process to all, so that none starts from a rounding of its own.
void share_weights(const ProcessGroup& group, Model& model);

}  // namespace kuda
