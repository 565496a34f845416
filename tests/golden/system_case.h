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
/// Key biases of attention have an exact gradient of 0, and Adam moves them by rounding noise, differently on every
/// machine. Where in_proj_bias packs them (its middle third), they are held to `bound` from weight/NAME, and the
/// two other thirds to 1e-5, whatever tolerance the file gives the whole for the noise in it.
void compare_state(const GoldenCase& golden, GoldenReport& report, const torch::nn::Module& module,
                   const std::string& prefix, double bound = 0);

/// The farthest that this many steps of Adam move a parameter: each at most lr (1 - beta1) / sqrt(1 - beta2), with the
/// usual betas 3.2 lr (Kingma & Ba 2015, section 2.1).
[[nodiscard]] inline double largest_move(double lr, std::int64_t steps = 1) { return 3.2 * lr * double(steps); }

}  // namespace kuda::golden
