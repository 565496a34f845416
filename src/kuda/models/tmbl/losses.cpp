#include <functional>

#include "kuda/models/tmbl/tmbl.h"

namespace kuda::tmbl {

using torch::Tensor;

namespace {

Tensor over_pairs(const Streams& of_private, const Streams& shared,
                  const std::function<Tensor(const Tensor&, const Tensor&)>& term) {
  Tensor sum;
  const auto add = [&](const Tensor& x, const Tensor& y) { sum = sum.defined() ? sum + term(x, y) : term(x, y); };
  for (std::size_t m = 0; m < 3; ++m) add(of_private[m], shared[m]);
  add(of_private[2], of_private[0]);
  add(of_private[2], of_private[1]);
  add(of_private[0], of_private[1]);
  return sum;
}

}  // namespace

Tensor similarity_loss(const Streams& shared) {
  const auto distance = [&](std::size_t a, std::size_t b) {
    return 1 - torch::cosine_similarity(as_float32(shared[a]), as_float32(shared[b]), -1, 1e-8).mean();
  };
  return (distance(0, 1) + distance(0, 2) + distance(1, 2)) / 3;
}

Tensor reference_difference_loss(const Streams& of_private, const Streams& shared) {
  return over_pairs(of_private, shared, [](const Tensor& x, const Tensor& y) {
    const auto square = [](const Tensor& stream) {
      const auto r = as_float32(stream[0] - stream[1]).flatten() / 2;  // [B H]
      return (r / (r.detach().norm() + 1e-6)).square().sum();
    };
    const auto size = double(x[0].numel());
    return 4 * square(x) * square(y) / (size * size);
  });
}

Tensor difference_loss(const Streams& of_private, const Streams& shared) {
  return over_pairs(of_private, shared, [](const Tensor& x, const Tensor& y) {
    const InFloat32 exact;  // differences of numbers that are alike
    const auto unit = [](const Tensor& stream) {
      const auto rows = as_float32(stream).flatten(1);  // [B, 2H]
      const auto centred = rows - rows.mean(0, /*keepdim=*/true);
      return centred / (centred.detach().norm(2, {1}, /*keepdim=*/true) + 1e-6);
    };
    return unit(x).t().matmul(unit(y)).square().mean();
  });
}

}  // namespace kuda::tmbl
