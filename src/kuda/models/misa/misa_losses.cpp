#include "kuda/models/misa/misa_losses.h"

#include "kuda/tensor/precision.h"

namespace kuda::misa {

using torch::Tensor;

namespace {

Tensor safe_norm(const Tensor& x) {
  const auto square = x.square().sum();
  const auto is_zero = square == 0;
  // The root of 1 in place of the root of 0 keeps the gradient of the unused branch finite.
  return torch::where(is_zero, square, torch::where(is_zero, torch::ones_like(square), square).sqrt());
}

}  // namespace

Tensor difference_loss(const Tensor& x, const Tensor& y) {
  const InFloat32 exact;  // differences of numbers that are alike
  const auto unit = [](const Tensor& values) {
    const auto v = as_float32(values);
    const auto centred = v - v.mean(0, true);  // [B, h]
    return centred / (centred.detach().norm(2, std::vector<std::int64_t>{1}, true) + 1e-6);
  };
  return unit(x).t().matmul(unit(y)).square().mean();
}

Tensor moment_discrepancy(const Tensor& one, const Tensor& other) {
  const auto x = as_float32(one), y = as_float32(other);
  const auto mean_x = x.mean(0), mean_y = y.mean(0);  // [h]
  const auto centred_x = x - mean_x, centred_y = y - mean_y;
  auto sum = safe_norm(mean_x - mean_y);
  for (int k = 2; k <= 5; ++k) sum = sum + safe_norm(centred_x.pow(k).mean(0) - centred_y.pow(k).mean(0));
  return sum;
}

Tensor reverse_gradient(const Tensor& x, double weight) { return x.detach() * (1 + weight) - x * weight; }

}  // namespace kuda::misa
