#pragma once
// The operators of a network that are no convolution, by LibTorch.

#include <ATen/core/Tensor.h>

#include <vector>

#include "kuda/extract/face/network_graph.h"

namespace kuda {

/// inputs as `step` names them, shapes checked (read_network_graph), but with a batch of any size. The result may be a
/// view of an input.
[[nodiscard]] at::Tensor run_operator(const NetworkStep& step, const std::vector<at::Tensor>& inputs);

}  // namespace kuda
