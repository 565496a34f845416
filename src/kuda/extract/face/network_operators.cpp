#include "kuda/extract/face/network_operators.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "kuda/base/error.h"

namespace kuda {
namespace {

using at::Tensor;

// LibTorch's pictures are [N, C, H, W]; a permuted view is what it calls channels last.
Tensor as_torch(const Tensor& x) { return x.permute({0, 3, 1, 2}); }
Tensor as_tflite(const Tensor& x) { return x.permute({0, 2, 3, 1}); }

Tensor joined(const NetworkStep& step, std::vector<Tensor> inputs) {
  std::int64_t batch = 1;
  for (const auto& x : inputs) batch = std::max(batch, x.size(0));
  for (auto& x : inputs) {  // a constant stands beside each of the batch
    auto shape = x.sizes().vec();
    shape[0] = batch;
    x = x.expand(shape);
  }
  return at::cat(inputs, step.axes[0]);
}

Tensor padded(const NetworkStep& step, const Tensor& x) {
  Shape sides;  // LibTorch begins with the last axis
  for (auto axis = step.before.size(); axis-- > 0;) {
    sides.push_back(step.before[axis]);
    sides.push_back(step.after[axis]);
  }
  return at::constant_pad_nd(x, sides, 0);
}

Tensor sliced(const NetworkStep& step, Tensor x) {
  for (std::size_t axis = 1; axis < step.begin.size(); ++axis)
    x = x.slice(std::int64_t(axis), step.begin[axis], step.end[axis]);
  return x;
}

}  // namespace

Tensor run_operator(const NetworkStep& step, const std::vector<Tensor>& inputs) {
  using enum NetworkOp;
  const auto& x = inputs[0];
  switch (step.op) {
    case add:
      return x + inputs[1];
    case sub:
      return x - inputs[1];
    case mul:
      return x * inputs[1];
    case div:
      return x / inputs[1];
    case squared_difference:
      return (x - inputs[1]).square();
    case neg:
      return -x;
    case sqrt:
      return x.sqrt();
    case rsqrt:
      return x.rsqrt();
    case logistic:
      return x.sigmoid();
    case relu:
      return x.relu();
    case prelu:
      return at::where(x > 0, x, x * inputs[1].flatten());
    case mean:
      return x.mean(step.axes, /*keepdim=*/true);
    case sum:
      return x.sum(step.axes, /*keepdim=*/true);
    case reshape: {
      auto shape = step.shape;
      shape[0] = x.size(0);
      return x.reshape(shape);
    }
    case transpose:
      return x.permute(step.order);
    case concatenation:
      return joined(step, inputs);
    case pad:
      return padded(step, x);
    case strided_slice:
      return sliced(step, x);
    case max_pool_2d:
      return as_tflite(at::max_pool2d(as_torch(x), step.size, step.stride));
    case resize_bilinear:  // half-pixel centres, as LibTorch has them without align_corners
      return as_tflite(at::upsample_bilinear2d(as_torch(x), {step.shape[1], step.shape[2]}, /*align_corners=*/false));
    case conv_2d:
    case depthwise_conv_2d:
      break;
  }
  throw Error(step.place + ": no operator of LibTorch's");
}

}  // namespace kuda
