#pragma once
// What the golden cases of the compared systems have in common: inputs, weights, gradients, one step of the program's
// own optimiser.

#include <cstdint>
#include <string>
#include <vector>

#include "golden_case.h"
#include "kuda/data/batch.h"
#include "kuda/models/model.h"
#include "kuda/models/test_batch.h"
#include "kuda/tensor/state_dict.h"
#include "kuda/training/optimizer.h"

namespace kuda::golden {

/// The inputs below `prefix` ("in/", "in/train0/") as a batch; every key it reads counts as used.
///   text [B, 3, L] becomes ids, padding and segments; text [B, L, D] becomes text_features without padding.
///   audio and vision [B, L, D] with NAME_lengths [B] where stored, else all frames count.
///   labels [B] or [B, 1]; index [B] becomes the rows.
[[nodiscard]] Batch system_batch(const GoldenCase& golden, GoldenReport& report, const std::string& prefix = "in/");

using test::rows_of;

/// The steps of one pass of in/order [steps, B], each the positions of its clips; -1 stands for no clip. A pass that
/// ended early has steps without a clip: they are left out.
[[nodiscard]] std::vector<std::vector<std::int64_t>> steps_of(const torch::Tensor& pass);

/// A published name ("ReLU", "Adam") as our options spell it.
[[nodiscard]] std::string lower(std::string name);

/// The norm of all gradients taken together.
[[nodiscard]] torch::Tensor gradient_norm(const torch::nn::Module& module);

/// The section "bert" of a case's config (Hugging Face names), dropout 0.
[[nodiscard]] TextEncoder bert_of(const nlohmann::json& facts);

/// weight/NAME into the model as `kuda convert` reads published weights. What it would write again must be the same
/// names and values; differences go into the report.
void load_weights(Model& model, const GoldenCase& golden, GoldenReport& report);

/// Parameters and buffers of the model against `prefix`NAME ("step/", "state/epoch1/"). Names that the file does not
/// hold must be unchanged from weight/NAME (files that store only what changed).
void compare_state(const GoldenCase& golden, GoldenReport& report, const torch::nn::Module& module,
                   const std::string& prefix);

}  // namespace kuda::golden
