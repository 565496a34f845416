#pragma once
// Dropout whose mask is a hash of the element's position: made on all cores, never stored, made again for the gradient.
// LibTorch's own makes its mask on one core, which costs a sixth of a KuDA training step.

#include <torch/torch.h>

namespace kuda {

/// Each element of x becomes 0 with probability `rate`, else x / (1 - rate). The one random number of a call comes
/// from LibTorch's default CPU generator, so torch::manual_seed fixes the mask, whatever the number of threads.
/// float32 on the CPU; other tensors take torch::dropout. rate in [0, 1); 0 returns x itself.
[[nodiscard]] torch::Tensor hash_dropout(const torch::Tensor& x, double rate, bool is_training);

}  // namespace kuda
