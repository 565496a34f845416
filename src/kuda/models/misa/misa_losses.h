#pragma once
// The losses between the vectors of MISA (section 3.5 of the paper) and the gradient reversal of its adversarial form.

#include <torch/torch.h>

#include <array>

namespace kuda::misa {

/// x, y [B, h] -> scalar: mean of (X^T Y)^2 after subtracting the batch mean and dividing each row by its length, which
/// counts as a constant.
[[nodiscard]] torch::Tensor difference_loss(const torch::Tensor& x, const torch::Tensor& y);

/// Central moment discrepancy of x, y [B, h] with five moments -> scalar. Lengths have the gradient 0 at 0 (the
/// published code's is NaN there, which a batch of one meets).
[[nodiscard]] torch::Tensor moment_discrepancy(const torch::Tensor& x, const torch::Tensor& y);

/// x itself, its gradient times -weight.
[[nodiscard]] torch::Tensor reverse_gradient(const torch::Tensor& x, double weight);

}  // namespace kuda::misa
