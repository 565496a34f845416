#include "kuda/tensor/linear.h"

#include "kuda/tensor/operators.h"
#include "kuda/tensor/panels.h"
#include "kuda/tensor/products.h"

namespace kuda {
namespace {

using torch::Tensor;

// Measured with one thread (AVX2, GFLOP/s plain and blocked): 39 x 768 x 768 67 and 83, 15 x 384 x 384 48 and 59,
// 39 x 256 x 512 65 and 73, 39 x 256 x 256 63 and 64, 39 x 128 x 256 61 and 50, 16 x 64 x 64 46 and 7. A rule by size
// and not a measurement at start: the same checkpoint gives the same numbers each time.
constexpr std::int64_t kFewestBlocked = std::int64_t{256} * 512;

const std::optional<c10::OperatorHandle>& onednn_pack() {
  static const auto op = find_operator("mkldnn::_reorder_linear_weight");
  return op;
}

bool has_blocks() { return has_onednn() && onednn_pack(); }

/// Without VNNI fbgemm adds two products in 16 bits, which can overflow: inputs get 7 bits then.
bool needs_reduced_range() {
#if defined(__x86_64__) && defined(__GNUC__)
  static const bool has_vnni = __builtin_cpu_supports("avx512vnni") != 0 || __builtin_cpu_supports("avxvnni") != 0;
  return !has_vnni;
#else
  return false;
#endif
}

c10::IValue quantise(const Tensor& weight, const Tensor& bias) {
  constexpr double kLargest = 127;  // symmetric: -128 is not used
  const auto scale = (weight.abs().amax(1).to(torch::kFloat64) / kLargest).clamp_min(1e-12);  // [out]
  const auto zero = torch::zeros(scale.sizes(), torch::kInt64);
  const auto quantised = at::quantize_per_channel(weight, scale, zero, /*axis=*/0, torch::kQInt8);
  static const auto op = find_operator("quantized::linear_prepack");
  return call(op, {quantised, optional_tensor(bias)});
}

}  // namespace

PreparedWeight::Form PreparedWeight::form_for(const Tensor& weight, Precision precision) {
  if (is_bf16(precision)) {
    const bool is_blocked = precision == Precision::bf16 && weight.is_cpu() && weight.numel() >= kFewestBlocked;
    return is_blocked && has_blocks() ? Form::blocked : Form::shorter;
  }
  if (!weight.is_cpu()) return Form::none;
  if (precision == Precision::int8) return Form::quantised;
  if (suits_panels(weight)) return Form::panels;
  return weight.numel() >= kFewestBlocked && has_blocks() ? Form::blocked : Form::none;
}

void PreparedWeight::take(Tensor& weight, const Tensor& bias, Precision precision) {
  if (is_made()) return;
  const torch::NoGradGuard no_grad;
  const auto form = form_for(weight, precision);
  if (form == Form::none) return;
  auto plain = weight.detach();
  bias_ = bias.defined() ? bias.detach() : bias;
  if (is_bf16(precision)) {
    input_type_ = torch::kBFloat16;
    plain = plain.to(input_type_);
    if (bias_.defined()) bias_ = bias_.to(input_type_);
    bytes_ = bias_.defined() ? double(bias_.nbytes()) : 0;
  }
  bytes_ += double(plain.numel()) * (form == Form::quantised ? 1 : double(plain.element_size()));
  if (form == Form::blocked)
    weight_ = call(onednn_pack(), {plain, c10::IValue()});
  else if (form == Form::panels)
    weight_ = to_panels(plain);
  else if (form == Form::quantised)
    weight_ = quantise(plain, bias_);
  else
    weight_ = plain;
  weight.set_data(torch::empty({0}, weight.options()));
  form_ = form;
}

Tensor PreparedWeight::multiply(const Tensor& x) const {
  const auto input = x.to(input_type_);
  if (form_ == Form::blocked) return onednn_product(input, weight_.toTensor(), bias_);
  if (form_ == Form::panels) return panel_product(input, weight_.toTensor(), bias_);
  if (form_ == Form::quantised) {
    static const auto op = find_operator("quantized::linear_dynamic");
    return call(op, {input, weight_, needs_reduced_range()}).toTensor();
  }
  return torch::linear(input, weight_.toTensor(), bias_);
}

Tensor LinearImpl::forward(const Tensor& x) {
  if (prepared_.is_made()) return prepared_.multiply(x);
  if (options.out_features() > 1) return linear_product(x, weight, bias);
  const InFloat32 exact;
  return torch::nn::LinearImpl::forward(as_float32(x));
}

void LinearImpl::prepare(Precision precision) {
  if (options.out_features() > 1) prepared_.take(weight, bias, precision);
}

void prepare_for_scoring(torch::nn::Module& module, Precision precision) {
  for (const auto& part : module.modules())
    if (auto* has = dynamic_cast<HasPreparedWeight*>(part.get())) has->prepare(precision);
}

bool is_prepared(const torch::nn::Module& module) {
  for (const auto& part : module.modules(/*include_self=*/false))
    if (const auto* has = dynamic_cast<const HasPreparedWeight*>(part.get());
        has != nullptr && has->prepared().is_made())
      return true;
  return false;
}

double prepared_bytes(const torch::nn::Module& module) {
  double bytes = 0;
  for (const auto& part : module.modules(/*include_self=*/false))
    if (const auto* has = dynamic_cast<const HasPreparedWeight*>(part.get())) bytes += has->prepared().bytes();
  return bytes;
}

}  // namespace kuda
