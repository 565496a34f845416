#pragma once
// What the cases made with thuiar/MMSA have in common: its configuration, one step of its training loop, its
// trajectories. The program's own optimiser, clipping, accumulation and schedule run them.

#include "kuda/checkpoint/train_config.h"
#include "system_case.h"

namespace kuda::golden {

/// Lengths and widths from "feature_dims" and "seq_lens" (text, audio, vision); text_width 0 where the case has a BERT.
[[nodiscard]] DataShape toolbox_shape(const nlohmann::json& facts);

/// Adam with the case's rate; clip_value, accumulate and patience where it has them. The toolbox hands weight_decay
/// only to some of its optimisers: `has_weight_decay`.
[[nodiscard]] TrainConfig toolbox_training(const nlohmann::json& facts, bool has_weight_decay);

/// Every intermediate of `trace` that the file holds as `prefix`NAME. [B, D] against [B, 1, D] compares equal.
void compare_trace(const GoldenCase& golden, GoldenReport& report, const Trace& trace, const std::string& prefix);

/// loss.backward() has run: compares grad/, clips as configured and compares clip/, steps and compares step/.
void compare_step(Model& model, const GoldenCase& golden, GoldenReport& report, const TrainConfig& config);

/// The whole of a trajectory case: losses of every step, validation after each epoch, states, rates, best epoch.
void compare_trajectory(Model& model, const GoldenCase& golden, GoldenReport& report, const TrainConfig& config);

/// Cases of the class labels; the program itself has none.
[[nodiscard]] bool is_classification(const nlohmann::json& facts);

/// A whole case of TFN or LMF, which read audio and vision as means over time: a trajectory, or both modes of forward,
/// the loss and a step.
void check_means_case(Model& model, const GoldenCase& golden, GoldenReport& report, const TrainConfig& config);

}  // namespace kuda::golden
