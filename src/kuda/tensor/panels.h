#pragma once
// Products of few rows with a prepared weight, by LIBXSMM (BSD-3-Clause). With one clip the weights of a text encoder
// come from memory, each for some forty rows. LIBXSMM's kernels for a panel of 32 outputs read it in one stream and
// lose the least to that: 39 x 768 x 3072 with cold weights 75 GFLOP/s on AVX2 where oneDNN makes 50, and the same as
// oneDNN with a thousand rows.
//
//   if (suits_panels(weight)) { const auto panels = to_panels(weight);  y = panel_product(x, panels, bias); }

#include <torch/torch.h>

namespace kuda {

/// Whether panels are the fastest form of this weight [out, in] for scoring: float32 on the CPU, `out` a multiple of
/// 32; a build with LIBXSMM, and a processor with AVX2 but not AVX-512, where they were not measured. A rule
/// and not a measurement at start: the same checkpoint gives the same numbers each time.
[[nodiscard]] bool suits_panels(const torch::Tensor& weight);

/// [out, in] -> [out / 32, in, 32], contiguous.
[[nodiscard]] torch::Tensor to_panels(const torch::Tensor& weight);

/// x [..., in] -> x W^T + b, [..., out], float32, without a gradient; bias [out] or undefined. A row's result does not
/// depend on the rows beside it, nor on the number of threads. Throws Error in a build without LIBXSMM.
[[nodiscard]] torch::Tensor panel_product(const torch::Tensor& x, const torch::Tensor& panels,
                                          const torch::Tensor& bias);

}  // namespace kuda
