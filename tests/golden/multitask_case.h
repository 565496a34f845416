#pragma once
// What the golden cases of Self-MM and TETFN have in common: banks, label generation, one step, a trajectory.

#include "kuda/models/multitask.h"
#include "system_case.h"

namespace kuda::golden {

/// The options both models read from a case's config; dropout 0, NaN centres as published.
void read_multitask(const nlohmann::json& facts, MultitaskOptions& options);

/// Weights are loaded. Forward, losses, label generation from the stored banks, gradients and one step; hidden states
/// are those of the trace by the names behind out/hidden/.
void check_multitask_single(const GoldenCase& golden, GoldenReport& report, MultitaskModel& model, Trace& trace);

/// Epochs in the stored order, with banks and weights after each.
void check_multitask_trajectory(const GoldenCase& golden, GoldenReport& report, MultitaskModel& model);

}  // namespace kuda::golden
