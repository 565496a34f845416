#pragma once
// Dropout whose mask is a hash of the element's position: made on all cores, never stored, made again for the gradient.
// LibTorch's own makes its mask on one core, which costs a sixth of a KuDA training step.

#include <torch/torch.h>

#include <cstdint>

namespace kuda {

/// Each element of x becomes 0 with probability `rate`, else x / (1 - rate). The one random number of a call comes
/// from LibTorch's default CPU generator, so torch::manual_seed fixes the mask, whatever the number of threads.
/// float32 and bfloat16 on the CPU, with the same mask; other tensors take torch::dropout. rate in [0, 1); 0 returns x
/// itself.
[[nodiscard]] torch::Tensor hash_dropout(const torch::Tensor& x, double rate, bool is_training);

/// The parts of it, for operations that make a mask as they go: the one random number, ...
[[nodiscard]] std::uint64_t dropout_seed();
/// ... and elements first, first + 1, ... of a tensor with that number: x to `out`, which is other memory.
void hash_dropout_range(const float* x, float* out, std::int64_t size, std::uint64_t first, std::uint64_t seed,
                        double rate);

}  // namespace kuda
