#include "kuda/tensor/precision.h"

#include <ATen/Context.h>
#include <ATen/autocast_mode.h>
#include <fmt/format.h>

#include "kuda/base/error.h"
#include "kuda/base/named_values.h"
#include "kuda/tensor/operators.h"

namespace kuda {
namespace {

/// LibTorch's own question (mkldnn::_is_mkldnn_bf16_supported) is answered with yes by processors that only widen bf16
/// to float32 and back: slower than float32.
bool has_bf16_instructions() {
#if defined(__x86_64__) && defined(__GNUC__)
  return __builtin_cpu_supports("avx512bf16") != 0 || __builtin_cpu_supports("amx-bf16") != 0;
#else
  const auto question = find_operator("mkldnn::_is_mkldnn_bf16_supported");
  return question && at::hasMKLDNN() && call(question, {}).toBool();
#endif
}

}  // namespace

const char* precision_name(Precision precision) noexcept { return name_of(precision); }

Precision precision_from(const std::string& name) { return value_of<Precision>(name, "precision"); }

PrecisionSupport support_of(const torch::Device& device) {
  PrecisionSupport support;
  if (device.is_cuda()) {
    // The one question that asks for compute capability 8 without CUDA's own headers.
    const c10::OptionalDeviceGuard on_it(device);
    support.bf16 = at::detail::getCUDAHooks().supportsBFloat16ConvolutionWithCuDNNv8();
    return support;
  }
  support.bf16 = has_bf16_instructions();
  support.int8 =
      at::globalContext().qEngine() != at::kNoQEngine && find_operator("quantized::linear_dynamic").has_value();
  return support;
}

void check_support(Precision precision, const torch::Device& device, const PrecisionSupport& support) {
  const auto refuse = [&](const std::string& why, const std::string& hint) {
    throw ConfigError(fmt::format("precision \"{}\" on {}: {}", precision_name(precision), device.str(), why), hint);
  };
  if (precision == Precision::bf16 && !support.bf16)
    refuse(device.is_cuda() ? "the GPU has no bfloat16 units (compute capability 8 or later)"
                            : "the processor has no bfloat16 instructions (avx512_bf16 or AMX), so it would be slower "
                              "than fp32",
           "take fp32; bf16-emulated computes such numbers slowly, to see what they do to the metrics");
  if (precision == Precision::int8 && !support.int8)
    refuse(device.is_cuda()
               ? "8-bit products are made on the CPU only"
               : "this LibTorch was built without an engine for 8-bit products (fbgemm, oneDNN or qnnpack)",
           "take fp32");
}

void require_support(Precision precision, const torch::Device& device) {
  if (precision == Precision::fp32 || precision == Precision::bf16_emulated) return;
  check_support(precision, device, support_of(device));
}

Autocast::Autocast(Precision precision, const torch::Device& device) {
  if (!is_bf16(precision)) return;
  changed_ = device.type();
  was_enabled_ = at::autocast::is_autocast_enabled(*changed_);
  dtype_before_ = at::autocast::get_autocast_dtype(*changed_);
  at::autocast::increment_nesting();
  at::autocast::set_autocast_enabled(*changed_, true);
  at::autocast::set_autocast_dtype(*changed_, torch::kBFloat16);
}

Autocast::~Autocast() {
  if (!changed_) return;
  // Casts of weights are remembered up to here: beyond it the weights may change.
  if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
  at::autocast::set_autocast_enabled(*changed_, was_enabled_);
  at::autocast::set_autocast_dtype(*changed_, dtype_before_);
}

torch::Tensor as_float32(const torch::Tensor& x) {
  const bool is_short = x.defined() && (x.scalar_type() == torch::kBFloat16 || x.scalar_type() == torch::kFloat16);
  return is_short ? x.to(torch::kFloat32) : x;
}

}  // namespace kuda
