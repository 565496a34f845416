#pragma once
// Sequences of one modality brought to the length of another.

#include <torch/torch.h>

#include <cstdint>

namespace kuda {

/// Means over equal windows of frames: x [B, n, D] -> [B, target, D]. Where `target` does not divide n the window is
/// n / target + 1 frames and the sequence is first extended by copies of its last frame; n < target works too.
/// Padding frames count. Source: thuiar/MMSA a94e65d, its alignment of unaligned features (used by TETFN).
[[nodiscard]] torch::Tensor pool_to_length(const torch::Tensor& x, std::int64_t target);

}  // namespace kuda
