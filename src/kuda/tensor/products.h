#pragma once
// Products of linear layers in float32 on the CPU, by the library that suits the processor.
//
//   use_products(Products::onednn);                      // once, before the first product; default: automatic
//   const auto y = linear_product(x, weight, bias);              // as torch::linear, gradients included

#include <torch/torch.h>

#include <array>
#include <string>

namespace kuda {

/// The library that makes them. Results differ by rounding.
enum class Products {
  automatic,  ///< onednn on AMD processors with AVX-512, where MKL takes slower kernels, else the default. A rule and
              ///< not a measurement at start, which a busy neighbour may turn: a seed gives the same bytes each time
  standard,   ///< LibTorch's default, MKL on x86
  onednn
};

constexpr auto value_names(Products) { return std::array{"auto", "default", "onednn"}; }

/// Throws ConfigError listing the known names.
[[nodiscard]] Products products_from(const std::string& name);
[[nodiscard]] const char* products_name(Products products) noexcept;

/// For the whole process; before other threads compute. Throws ConfigError for onednn where LibTorch has none.
void use_products(Products products);
/// What is used: standard or onednn.
[[nodiscard]] Products products_in_use();

/// x W^T + b. x [..., in], weight [out, in], bias [out] or undefined -> [..., out]. What is no float32 on the CPU, what
/// autocast changes, and products too small to gain go to torch::linear in any case. oneDNN's has no second derivative.
[[nodiscard]] torch::Tensor linear_product(const torch::Tensor& x, const torch::Tensor& weight,
                                           const torch::Tensor& bias);

/// x W^T + b by oneDNN, without a gradient. `weight` [out, in], or in oneDNN's blocks (see PreparedWeight).
[[nodiscard]] torch::Tensor onednn_product(const torch::Tensor& x, const torch::Tensor& weight,
                                           const torch::Tensor& bias);
/// Whether this LibTorch has it.
[[nodiscard]] bool has_onednn();

}  // namespace kuda
