#include "kuda/extract/face/network_shapes.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "kuda/base/error.h"

namespace kuda {
namespace {

constexpr std::int64_t kLargestStride = 8;
constexpr std::int64_t kMostPadding = 1 << 20;

/// The inputs of one operator, and complaints about them.
class Inputs {
 public:
  Inputs(const NetworkStep& step, const NetworkGraph& graph) : step_(step), graph_(graph) {}

  [[nodiscard]] const Shape& shape(std::size_t i) const { return graph_.shapes.at(step_.inputs[i]); }
  [[nodiscard]] bool is_constant(std::size_t i) const { return graph_.constants.contains(step_.inputs[i]); }
  void count(std::size_t expected) const {
    if (step_.inputs.size() != expected)
      fail(fmt::format("expected {} inputs, found {}", expected, step_.inputs.size()));
    if (expected > 0 && is_constant(0) && step_.op != NetworkOp::add && step_.op != NetworkOp::mul)
      fail("expected a first input that depends on the network's, found a constant");
  }
  void rank(std::size_t i, std::size_t expected) const {
    if (shape(i).size() != expected)
      fail(fmt::format("inputs: expected {} sizes, found [{}]", expected, fmt::join(shape(i), ", ")));
  }
  void constant(std::size_t i, const Shape& expected) const {
    if (!is_constant(i) || shape(i) != expected)
      fail(fmt::format("inputs: expected weights [{}] as number {}, found {}[{}]", fmt::join(expected, ", "), i,
                       is_constant(i) ? "" : "no constant ", fmt::join(shape(i), ", ")));
  }
  [[noreturn]] void fail(const std::string& text) const { throw CheckpointError(step_.place + ": " + text); }

 private:
  const NetworkStep& step_;
  const NetworkGraph& graph_;
};

/// Places of a window along one axis.
std::int64_t places(const Inputs& inputs, const NetworkStep& step, std::size_t axis, std::int64_t size,
                    std::int64_t window) {
  if (step.stride.size() != 2 || step.stride[axis] < 1 || step.stride[axis] > kLargestStride)
    inputs.fail(fmt::format("stride: expected two numbers from 1 to {}", kLargestStride));
  const auto stride = step.stride[axis];
  if (step.same) return (size + stride - 1) / stride;
  if (window < 1 || size < window) inputs.fail(fmt::format("a window of {} does not fit into {}", window, size));
  return (size - window) / stride + 1;
}

Shape convolution(const NetworkStep& step, const Inputs& inputs) {
  inputs.count(3);
  inputs.rank(0, 4);
  inputs.rank(1, 4);
  const bool is_depthwise = step.op == NetworkOp::depthwise_conv_2d;
  const auto &x = inputs.shape(0), &weight = inputs.shape(1);
  const auto channels = is_depthwise ? x[3] : weight[0];
  inputs.constant(1,
                  is_depthwise ? Shape{1, weight[1], weight[2], x[3]} : Shape{weight[0], weight[1], weight[2], x[3]});
  inputs.constant(2, {channels});
  return {1, places(inputs, step, 0, x[1], weight[1]), places(inputs, step, 1, x[2], weight[2]), channels};
}

Shape pooled(const NetworkStep& step, const Inputs& inputs) {
  inputs.count(1);
  inputs.rank(0, 4);
  const auto& x = inputs.shape(0);
  if (step.size.size() != 2 || step.size[0] < 1 || step.size[1] < 1)
    inputs.fail("size: expected two numbers from 1 on");
  Shape result{1, 0, 0, x[3]};
  for (std::size_t axis : {0U, 1U}) {
    result[axis + 1] = places(inputs, step, axis, x[axis + 1], step.size[axis]);
    if (same_padding(x[axis + 1], step.size[axis], step.stride[axis]).all > 0 && step.same)
      inputs.fail("pooling over padding is not supported");
  }
  return result;
}

/// As numpy's. Results that depend on the input keep their batch: what is not a constant has all axes.
Shape broadcast(const Inputs& inputs) {
  inputs.count(2);
  Shape result(std::max(inputs.shape(0).size(), inputs.shape(1).size()), 1);
  for (std::size_t i : {0U, 1U}) {
    const auto& shape = inputs.shape(i);
    const auto missing = result.size() - shape.size();
    if (missing > 0 && !inputs.is_constant(i)) inputs.fail("inputs: expected the same number of axes");
    if (missing == 0 && !shape.empty() && shape[0] != 1) inputs.fail("inputs: expected 1 as the first size");
    for (std::size_t axis = 0; axis < shape.size(); ++axis) {
      auto& size = result[axis + missing];
      if (size != 1 && shape[axis] != 1 && size != shape[axis])
        inputs.fail(fmt::format("inputs: [{}] and [{}] do not fit together", fmt::join(inputs.shape(0), ", "),
                                fmt::join(inputs.shape(1), ", ")));
      size = std::max(size, shape[axis]);
    }
  }
  if (inputs.is_constant(0) && inputs.is_constant(1)) inputs.fail("inputs: expected one that is no constant");
  return result;
}

Shape joined(const NetworkStep& step, const Inputs& inputs) {
  if (step.inputs.empty()) inputs.fail("expected inputs");
  auto result = inputs.shape(0);
  const auto axis = step.axes[0];
  if (axis < 1 || axis >= std::int64_t(result.size())) inputs.fail("axis: expected one behind the batch");
  bool depends = !inputs.is_constant(0);
  for (std::size_t i = 1; i < step.inputs.size(); ++i) {
    auto shape = inputs.shape(i);
    depends = depends || !inputs.is_constant(i);
    if (shape.size() != result.size()) inputs.fail("inputs: expected the same number of axes");
    const auto more = std::exchange(shape[std::size_t(axis)], result[std::size_t(axis)]);
    if (shape != result) inputs.fail("inputs: expected equal sizes beside the axis");
    result[std::size_t(axis)] += more;
  }
  if (!depends) inputs.fail("inputs: expected one that is no constant");
  return result;
}

Shape reduced(const NetworkStep& step, const Inputs& inputs) {
  inputs.count(1);
  auto result = inputs.shape(0);
  if (step.axes.empty()) inputs.fail("axes: expected one or more");
  for (const auto axis : step.axes) {
    if (axis < 1 || axis >= std::int64_t(result.size())) inputs.fail("axes: expected axes behind the batch");
    result[std::size_t(axis)] = 1;
  }
  return result;
}

Shape padded(const NetworkStep& step, const Inputs& inputs) {
  inputs.count(1);
  auto result = inputs.shape(0);
  if (step.before.size() != result.size() || step.before[0] != 0 || step.after[0] != 0)
    inputs.fail("padding: expected a pair for each axis, none at the batch");
  for (std::size_t axis = 0; axis < result.size(); ++axis) {
    if (std::max(step.before[axis], step.after[axis]) > kMostPadding)
      inputs.fail(fmt::format("padding: expected {} at most", kMostPadding));
    result[axis] += step.before[axis] + step.after[axis];
  }
  return result;
}

Shape transposed(const NetworkStep& step, const Inputs& inputs) {
  inputs.count(1);
  const auto& x = inputs.shape(0);
  auto sorted = step.order;
  std::ranges::sort(sorted);
  bool fits = sorted.size() == x.size() && step.order[0] == 0;
  for (std::size_t i = 0; fits && i < sorted.size(); ++i) fits = sorted[i] == std::int64_t(i);
  if (!fits) inputs.fail("order: expected each axis once, the batch first");
  Shape result;
  for (const auto axis : step.order) result.push_back(x[std::size_t(axis)]);
  return result;
}

Shape sliced(const NetworkStep& step, const Inputs& inputs) {
  inputs.count(1);
  const auto& x = inputs.shape(0);
  if (step.begin.size() != x.size() || step.end.size() != x.size())
    inputs.fail("begin, end: expected a number for each axis");
  Shape result;
  for (std::size_t axis = 0; axis < x.size(); ++axis) {
    if (step.begin[axis] >= step.end[axis] || step.end[axis] > x[axis])
      inputs.fail(fmt::format("begin, end: expected a part of 0 to {}, found {} to {}", x[axis], step.begin[axis],
                              step.end[axis]));
    result.push_back(step.end[axis] - step.begin[axis]);
  }
  return result;
}

std::int64_t elements(const Shape& shape) {
  std::int64_t count = 1;
  for (const auto n : shape) count *= n;
  return count;
}

}  // namespace

Shape result_shape(const NetworkStep& step, const NetworkGraph& graph) {
  using enum NetworkOp;
  const Inputs inputs(step, graph);
  switch (step.op) {
    case conv_2d:
    case depthwise_conv_2d:
      return convolution(step, inputs);
    case max_pool_2d:
      return pooled(step, inputs);
    case add:
    case sub:
    case mul:
    case div:
    case squared_difference:
      return broadcast(inputs);
    case concatenation:
      return joined(step, inputs);
    case mean:
    case sum:
      return reduced(step, inputs);
    case pad:
      return padded(step, inputs);
    case transpose:
      return transposed(step, inputs);
    case strided_slice:
      return sliced(step, inputs);
    case reshape:
      inputs.count(1);
      if (elements(inputs.shape(0)) != elements(step.shape))
        inputs.fail("shape: expected as many elements as the input");
      return step.shape;
    case resize_bilinear:
      inputs.count(1);
      inputs.rank(0, 4);
      if (step.shape.size() != 4) inputs.fail("shape: expected four sizes");
      return {1, step.shape[1], step.shape[2], inputs.shape(0)[3]};
    case prelu: {
      inputs.count(2);
      const auto channels = inputs.shape(0).back();
      if (!inputs.is_constant(1) || elements(inputs.shape(1)) != channels)
        inputs.fail(fmt::format("inputs: expected {} slopes", channels));
      return inputs.shape(0);
    }
    case relu:
    case neg:
    case sqrt:
    case rsqrt:
    case logistic:
      inputs.count(1);
      return inputs.shape(0);
  }
  inputs.fail("unknown operator");
}

}  // namespace kuda
