#include "kuda/tensor/products.h"

#include <ATen/Context.h>
#include <ATen/autocast_mode.h>

#include <atomic>
#include <optional>

#include "kuda/base/error.h"
#include "kuda/base/named_values.h"
#include "kuda/tensor/operators.h"

namespace kuda {
namespace {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Multiplications of a product below which oneDNN's fixed cost (some 20 us) eats what it gains: 39 x 256 x 256.
constexpr std::int64_t kFewest = 2'000'000;

std::atomic<Products> asked{Products::automatic};

const std::optional<c10::OperatorHandle>& pointwise() {
  static const auto op = find_operator("mkldnn::_linear_pointwise");
  return op;
}

/// MKL chooses kernels by the maker of the processor.
bool is_amd_with_avx512() {
#if defined(__x86_64__) && defined(__GNUC__)
  return __builtin_cpu_is("amd") != 0 && __builtin_cpu_supports("avx512f") != 0;
#else
  return false;
#endif
}

bool suits_onednn(const Tensor& x, const Tensor& weight) {
  const auto is_plain = [](const Tensor& t) { return t.is_cpu() && t.scalar_type() == torch::kFloat32; };
  return is_plain(x) && is_plain(weight) && x.numel() * weight.size(0) >= kFewest &&
         !at::autocast::is_autocast_enabled(torch::kCPU);
}

/// [..., n] -> [all, n]; a gradient may be one value, expanded.
Tensor rows_of(const Tensor& x) { return x.reshape({-1, x.size(-1)}).contiguous(); }

struct OneDnnLinear : torch::autograd::Function<OneDnnLinear> {
  static Tensor forward(AutogradContext* context, const Tensor& x, const Tensor& weight,
                        const std::optional<Tensor>& bias) {
    context->save_for_backward({x, weight});
    context->saved_data["has_bias"] = bias.has_value();
    return onednn_product(x, weight, bias.value_or(Tensor()));
  }

  static variable_list backward(AutogradContext* context, const variable_list& upstream) {
    const auto saved = context->get_saved_variables();
    const auto &x = saved[0], &weight = saved[1];
    const auto slope = rows_of(upstream[0]);  // [N, out]
    variable_list gradients(3);
    if (context->needs_input_grad(0)) gradients[0] = onednn_product(slope, weight.t(), {}).view(x.sizes());
    if (context->needs_input_grad(1)) gradients[1] = onednn_product(slope.t(), rows_of(x).t(), {});
    if (context->saved_data["has_bias"].toBool() && context->needs_input_grad(2)) gradients[2] = slope.sum(0);
    return gradients;
  }
};

}  // namespace

Products products_from(const std::string& name) { return value_of<Products>(name, "library of products"); }

const char* products_name(Products products) noexcept { return name_of(products); }

void use_products(Products products) {
  if (products == Products::onednn && !has_onednn())
    throw ConfigError("products = \"onednn\": this LibTorch was built without oneDNN", "take auto or default");
  asked = products;
}

Products products_in_use() {
  static const bool is_automatic_onednn = is_amd_with_avx512() && has_onednn();
  const auto products = asked.load(std::memory_order_relaxed);
  if (products != Products::automatic) return products;
  return is_automatic_onednn ? Products::onednn : Products::standard;
}

Tensor linear_product(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  if (products_in_use() == Products::standard || !suits_onednn(x, weight)) return torch::linear(x, weight, bias);
  return OneDnnLinear::apply(x, weight, bias.defined() ? std::optional(bias) : std::nullopt);
}

Tensor onednn_product(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  return call(pointwise(), {x, weight, optional_tensor(bias), "none", c10::List<std::optional<at::Scalar>>(), ""})
      .toTensor();
}

bool has_onednn() { return at::hasMKLDNN() && pointwise().has_value(); }

}  // namespace kuda
