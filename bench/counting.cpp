#include "counting.h"

#include <ATen/native/quantized/PackedParams.h>
#include <ATen/record_function.h>
#include <torch/torch.h>

#include <algorithm>
#include <string_view>
#include <unordered_map>

namespace kuda {
namespace {

using Inputs = c10::ArrayRef<const c10::IValue>;
using Rule = double (*)(Inputs);

// LibTorch's callbacks are plain functions, so what they add to lies here.
std::atomic<double> counted_flop{0};
thread_local int counted_depth = 0;  // inside a counted operator: what it calls in turn is part of it

/// [..., n, k] x [..., k, m]
template <std::size_t First>
double product(Inputs inputs) {
  return 2.0 * double(inputs[First].toTensor().numel()) * double(inputs[First + 1].toTensor().size(-1));
}

/// [n, k] x [k]
template <std::size_t First>
double product_with_vector(Inputs inputs) {
  return 2.0 * double(inputs[First].toTensor().numel());
}

/// x [..., k], weight [m, k]
double linear_layer(Inputs inputs) {
  return 2.0 * double(inputs[0].toTensor().numel()) * double(inputs[1].toTensor().size(0));
}

/// x [..., k] and a weight [m, k] in the form of the engine: unpacked to see m, which is slow, but no pass that counts
/// is timed.
double quantised_layer(Inputs inputs) {
  const auto weight = std::get<0>(inputs[1].toCustomClass<LinearPackedParamsBase>()->unpack());
  return 2.0 * double(inputs[0].toTensor().numel()) * double(weight.size(0));
}

/// query [B, H, Lq, D], key [B, H, Lk, D], value [B, H, Lk, Dv]: scores and their mean of the values.
template <std::size_t First>
double attention(Inputs inputs) {
  const auto& query = inputs[First].toTensor();
  const auto& key = inputs[First + 1].toTensor();
  const auto& value = inputs[First + 2].toTensor();
  const double rows = double(query.size(0)) * double(query.size(1)) * double(query.size(2));
  return 2.0 * rows * double(key.size(2)) * double(query.size(3) + value.size(3));
}

/// x [..., k], weight [m / 32, k, 32] (kuda/tensor/panels.h)
double panel_layer(Inputs inputs) {
  const auto panels = inputs[1].toTensor();
  return 2.0 * double(inputs[0].toTensor().numel()) * double(panels.size(0) * panels.size(2));
}

/// A gradient for the query, key, value and the weights: four products where the forward pass has two.
double attention_gradient(Inputs inputs) { return 2.0 * attention<1>(inputs); }

/// For one element of the output all of the weight [Cout, Cin / groups, ...] that its channel has; where transposed,
/// the same for one of the input.
double per_output(const at::Tensor& weight) { return 2.0 * double(weight.numel()) / double(weight.size(0)); }

/// input [B, Cin, ...], weight, bias, stride, padding, dilation, transposed, output padding, groups
double convolution(Inputs inputs) {
  const auto& input = inputs[0].toTensor();
  const auto& weight = inputs[1].toTensor();
  if (inputs[6].toBool()) return double(input.numel()) * per_output(weight);
  const auto stride = inputs[3].toIntVector(), padding = inputs[4].toIntVector(), dilation = inputs[5].toIntVector();
  const auto of = [](const std::vector<std::int64_t>& list, std::size_t i) {
    return list[std::min(i, list.size() - 1)];
  };
  double outputs = double(input.size(0)) * double(weight.size(0));
  for (std::int64_t d = 2; d < input.dim(); ++d) {
    const auto i = std::size_t(d - 2);
    const auto reach = of(dilation, i) * (weight.size(d) - 1) + 1;
    outputs *= double((input.size(d) + 2 * of(padding, i) - reach) / of(stride, i) + 1);
  }
  return outputs * per_output(weight);
}

/// gradient [B, Cout, ...], input, weight, bias sizes, stride, padding, dilation, transposed, output padding, groups,
/// which of the three gradients are wanted
double convolution_gradient(Inputs inputs) {
  const auto wanted = inputs[10].toBoolList();
  const auto& from = inputs[inputs[7].toBool() ? 1 : 0].toTensor();
  return (double(wanted[0]) + double(wanted[1])) * double(from.numel()) * per_output(inputs[2].toTensor());
}

/// input [L, B, D], weights of the input [G, D] and of the state [G, H]: one layer in one direction.
double recurrent_layer(Inputs inputs) {
  const auto& input = inputs[0].toTensor();
  const double steps = double(input.numel()) / double(input.size(-1));
  return 2.0 * steps * (double(inputs[1].toTensor().numel()) + double(inputs[2].toTensor().numel()));
}
double recurrent_layer_gradient(Inputs inputs) { return 2.0 * recurrent_layer(inputs); }

Rule rule_of(std::string_view name) {
  static const std::unordered_map<std::string_view, Rule> rules{
      {"aten::mm", product<0>},
      {"aten::addmm", product<1>},
      {"aten::_addmm_activation", product<1>},
      {"aten::bmm", product<0>},
      {"aten::baddbmm", product<1>},
      {"aten::mv", product_with_vector<0>},
      {"aten::addmv", product_with_vector<1>},
      {"mkldnn::_linear_pointwise", linear_layer},
      {"quantized::linear_dynamic", quantised_layer},
      {"kuda::panel_product", panel_layer},
      {"aten::convolution", convolution},
      {"aten::convolution_backward", convolution_gradient},
      {"aten::mkldnn_rnn_layer", recurrent_layer},
      {"aten::mkldnn_rnn_layer_backward", recurrent_layer_gradient},
  };
  if (const auto found = rules.find(name); found != rules.end()) return found->second;
  // One name for each kernel: ..._flash_attention_for_cpu, ..._efficient_attention. The "math" ones are made of
  // products.
  if (!name.starts_with("aten::_scaled_dot_product_") || name.find("_math") != name.npos) return nullptr;
  return name.ends_with("_backward") ? attention_gradient : attention<0>;
}

struct Inside final : at::ObserverContext {};

std::unique_ptr<at::ObserverContext> begin_operator(const at::RecordFunction& call) {
  const Rule rule = rule_of(call.name());
  if (rule == nullptr) return nullptr;
  if (counted_depth++ == 0) counted_flop += rule(call.inputs());
  return std::make_unique<Inside>();
}

void end_operator(const at::RecordFunction&, at::ObserverContext* context) {
  if (context != nullptr) --counted_depth;
}

}  // namespace

void Counting::Memory::reportMemoryUsage(void*, std::int64_t size, std::size_t, std::size_t, c10::Device device) {
  if (!device.is_cpu()) return;
  alive += size;  // negative when a block is given back
  peak = std::max(peak.load(), alive.load());
}

Counting::Counting()
    : memory_(std::make_shared<Memory>()),
      memory_guard_(c10::DebugInfoKind::PROFILER_STATE, memory_),
      operators_(at::addGlobalCallback(at::RecordFunctionCallback(begin_operator, end_operator)
                                           .needsInputs(true)
                                           .scopes({at::RecordScope::FUNCTION}))) {}

Counting::~Counting() { at::removeCallback(operators_); }

double Counting::flop() { return counted_flop; }

}  // namespace kuda
