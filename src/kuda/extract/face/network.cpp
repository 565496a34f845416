#include "kuda/extract/face/network.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "kuda/base/error.h"
#include "kuda/extract/face/network_operators.h"

namespace kuda {
namespace {

using at::Tensor;

/// Which convolution takes which of the following operators in.
class Fusion {
 public:
  explicit Fusion(const NetworkGraph& graph) : graph_(graph) {
    for (std::size_t i = 0; i < graph.steps.size(); ++i) {
      made_by_[graph.steps[i].output] = i;
      for (const auto input : graph.steps[i].inputs) users_[input].push_back(i);
    }
    for (const auto output : graph.outputs) users_[output].push_back(kOutside);
  }

  /// The operator that alone uses this tensor; nothing where there are several, or it is an output.
  [[nodiscard]] const NetworkStep* only_user(std::int64_t tensor) const {
    const auto found = users_.find(tensor);
    if (found == users_.end() || found->second.size() != 1 || found->second[0] == kOutside) return nullptr;
    return &graph_.steps[found->second[0]];
  }
  /// What a sum with `other` in place of zeros behind its channels may take: the tensor before the padding.
  [[nodiscard]] std::int64_t without_padding(std::int64_t other) const {
    const auto found = made_by_.find(other);
    if (found == made_by_.end() || only_user(other) == nullptr) return other;
    const auto& pad = graph_.steps[found->second];
    if (pad.op != NetworkOp::pad || pad.shape.size() != 4) return other;
    for (std::size_t axis = 0; axis < 4; ++axis)
      if (pad.before[axis] != 0 || (axis < 3 && pad.after[axis] != 0)) return other;
    return graph_.shapes.at(pad.inputs[0])[3] % Convolution::kBlock == 0 ? pad.inputs[0] : other;
  }

 private:
  static constexpr std::size_t kOutside = ~std::size_t{0};
  const NetworkGraph& graph_;
  std::map<std::int64_t, std::vector<std::size_t>> users_;
  std::map<std::int64_t, std::size_t> made_by_;
};

Convolution convolution_of(const NetworkStep& step, const NetworkGraph& graph) {
  return Convolution({.weight = graph.constants.at(step.inputs[1]),
                      .bias = graph.constants.at(step.inputs[2]),
                      .stride_y = step.stride[0],
                      .stride_x = step.stride[1],
                      .same = step.same,
                      .depthwise = step.op == NetworkOp::depthwise_conv_2d});
}

}  // namespace

Network::Network(const std::filesystem::path& stem) {
  const auto graph = read_network_graph(stem);
  path_ = graph.path;
  input_ = graph.input;
  input_shape_ = graph.shapes.at(input_);
  outputs_ = graph.outputs;
  for (const auto output : outputs_) output_shapes_.push_back(graph.shapes.at(output));
  take_steps(graph);
  find_last_uses();
}

/// Whether `next`, the only operator that uses what this convolution makes, fits into its pass.
bool Network::may_follow(const Step& step, const NetworkStep* next, const NetworkGraph& graph, const Waiting& waiting) {
  if (next == nullptr) return false;
  if (next->op == NetworkOp::relu || next->op == NetworkOp::prelu) return true;
  if (next->op != NetworkOp::add || step.residual >= 0 || step.what.op != NetworkOp::conv_2d) return false;
  const auto other = next->inputs[next->inputs[0] == step.what.output ? 1 : 0];
  // Of two convolutions that are summed one must be made first.
  return other != step.what.output && !waiting.contains(other) && !graph.constants.contains(other) &&
         graph.shapes.at(other) == step.what.shape;
}

void Network::take_steps(const NetworkGraph& graph) {
  using enum NetworkOp;
  const Fusion fusion(graph);
  Waiting waiting;                  // convolutions by their result, until what they take in comes
  std::set<std::int64_t> left_out;  // results of padding that a sum does without
  for (const auto& what : graph.steps) {
    Step step{.what = what, .convolution = {}, .residual = -1, .last_use_of = {}};
    bool is_closed = false;  // nothing may follow in the same pass
    if (what.op == conv_2d || what.op == depthwise_conv_2d) {
      step.convolution.emplace(convolution_of(what, graph));
      step.what.inputs = {what.inputs[0]};
      if (what.relu) step.convolution->set_slope(at::zeros({what.shape[3]}));
      is_closed = what.relu;
    } else if (what.op == add || what.op == relu || what.op == prelu) {
      const auto mine = std::ranges::find_if(what.inputs, [&](std::int64_t i) { return waiting.contains(i); });
      if (mine != what.inputs.end()) {
        step = std::move(waiting.extract(*mine).mapped());
        step.what.output = what.output;
        if (what.op == add) {
          const auto other = what.inputs[mine == what.inputs.begin() ? 1 : 0];
          step.residual = fusion.without_padding(other);
          if (step.residual != other) left_out.insert(other);
        } else {
          is_closed = true;
          step.convolution->set_slope(what.op == prelu ? graph.constants.at(what.inputs[1])
                                                       : at::zeros({what.shape.back()}));
        }
      }
    }
    if (!is_closed && step.convolution && may_follow(step, fusion.only_user(step.what.output), graph, waiting)) {
      const auto result = step.what.output;
      waiting.emplace(result, std::move(step));
    } else {
      steps_.push_back(std::move(step));
    }
  }
  TORCH_INTERNAL_ASSERT(waiting.empty());
  std::erase_if(steps_, [&](const Step& step) { return left_out.contains(step.what.output); });
  for (const auto& step : steps_)
    for (const auto input : step.what.inputs)
      if (const auto found = graph.constants.find(input); found != graph.constants.end()) constants_.insert(*found);
}

void Network::find_last_uses() {
  std::map<std::int64_t, std::size_t> last;
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    for (const auto input : steps_[i].what.inputs) last[input] = i;
    if (steps_[i].residual >= 0) last[steps_[i].residual] = i;
    last.try_emplace(steps_[i].what.output, i);  // a result that nobody uses
  }
  for (const auto output : outputs_) last.erase(output);
  for (const auto& [tensor, step] : last)
    if (!constants_.contains(tensor)) steps_[step].last_use_of.push_back(tensor);
}

Tensor Network::run_step(const Step& step, const Values& values) {
  if (step.convolution)
    return step.convolution->run(values.at(step.what.inputs[0]),
                                 step.residual < 0 ? Tensor() : values.at(step.residual));
  std::vector<Tensor> inputs;
  for (const auto input : step.what.inputs) inputs.push_back(values.at(input));
  return run_operator(step.what, inputs);
}

std::vector<Tensor> Network::run(const Tensor& x) const {
  auto expected = input_shape_;
  if (x.dim() > 0) expected[0] = std::max<std::int64_t>(1, x.size(0));
  if (!x.is_cpu() || x.scalar_type() != at::kFloat || x.sizes() != at::IntArrayRef(expected))
    throw ShapeError(fmt::format("{}: expected float32 [N, {}], found {} [{}]", path_.string(),
                                 fmt::join(input_shape_.begin() + 1, input_shape_.end(), ", "),
                                 c10::toString(x.scalar_type()), fmt::join(x.sizes(), ", ")));
  const at::NoGradGuard no_grad;
  auto values = constants_;
  values[input_] = x.contiguous();
  for (const auto& step : steps_) {
    values[step.what.output] = run_step(step, values);
    for (const auto tensor : step.last_use_of) values.erase(tensor);
  }
  std::vector<Tensor> results;
  for (const auto output : outputs_) results.push_back(values.at(output).contiguous());
  return results;
}

}  // namespace kuda
