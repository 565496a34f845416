#pragma once
// Activations that are an option of a model.

#include <torch/torch.h>

#include <array>

namespace kuda {

/// With torch's own constants: gelu exact, hardshrink 0.5, leakyrelu 0.01.
enum class Activation { elu, gelu, hardshrink, hardtanh, leakyrelu, relu, tanh };
constexpr auto value_names(Activation) {
  return std::array{"elu", "gelu", "hardshrink", "hardtanh", "leakyrelu", "relu", "tanh"};
}

/// x of any shape, element by element.
[[nodiscard]] torch::Tensor activate(Activation activation, const torch::Tensor& x);

}  // namespace kuda
