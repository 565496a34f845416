#pragma once
// Activations that are an option of a model.

#include <torch/torch.h>

#include <string>
#include <vector>

namespace kuda {

/// "elu", "gelu" (exact), "hardshrink" (0.5), "hardtanh", "leakyrelu" (0.01), "relu", "tanh".
[[nodiscard]] std::vector<std::string> activation_names();

/// x of any shape, element by element. `name` is one of activation_names().
[[nodiscard]] torch::Tensor activate(const std::string& name, const torch::Tensor& x);

}  // namespace kuda
