#pragma once
// The precision that a model computes in. Its weights as they are trained and saved, the gradients and the optimiser's
// moments are float32 in every one.
//
//   require_support(Precision::bf16, device);              // ConfigError where it would be slow
//   {
//     const Autocast autocast(Precision::bf16, device);
//     total = model->loss(model->forward(batch, nullptr), batch).total;
//   }
//   total.backward();                                      // outside: gradients follow what was computed

#include <torch/torch.h>

#include <array>
#include <optional>
#include <string>

namespace kuda {

enum class Precision {
  fp32,
  bf16,           ///< products in bfloat16, by LibTorch's autocast; what is sensitive stays in float32
  bf16_emulated,  ///< the same on a processor that has no instructions for it: slow, to measure what it changes
  int8            ///< scoring only, text encoder only: products of 8-bit integers; the rest in float32
};

constexpr auto value_names(Precision) { return std::array{"fp32", "bf16", "bf16-emulated", "int8"}; }
/// One sentence for the help of options.
inline constexpr const char* kPrecisionHelp =
    "fp32; bf16 = matrix products in bfloat16, on processors and GPUs made for it; bf16-emulated = the same numbers on "
    "any processor, slowly, to see what bf16 does to the metrics";

[[nodiscard]] const char* precision_name(Precision precision) noexcept;
/// Throws ConfigError listing the known names.
[[nodiscard]] Precision precision_from(const std::string& name);
[[nodiscard]] constexpr bool is_bf16(Precision precision) noexcept {
  return precision == Precision::bf16 || precision == Precision::bf16_emulated;
}

/// What is fast, or possible at all.
struct PrecisionSupport {
  bool bf16 = false;  ///< instructions: avx512_bf16 or AMX, bf16 of ARM; compute capability 8 of a GPU
  bool int8 = false;  ///< a CPU, and LibTorch was built with an engine for quantised products
};
/// Of this machine.
[[nodiscard]] PrecisionSupport support_of(const torch::Device& device);
/// Throws ConfigError, saying what to take instead, where a device with this support should not be asked for it.
void check_support(Precision precision, const torch::Device& device, const PrecisionSupport& support);
void require_support(Precision precision, const torch::Device& device);

/// While it lives, this thread computes in bf16 where LibTorch's autocast thinks it safe. Other precisions change
/// nothing.
class Autocast {
 public:
  Autocast(Precision precision, const torch::Device& device);
  Autocast(const Autocast&) = delete;
  Autocast& operator=(const Autocast&) = delete;
  ~Autocast();

 private:
  std::optional<torch::DeviceType> changed_;
  bool was_enabled_ = false;
  torch::ScalarType dtype_before_ = torch::kBFloat16;
};

/// The opposite, within an Autocast: products stay as exact as their inputs. For what bf16 is too coarse for, or what
/// LibTorch has no bf16 kernel for; as_float32() its inputs.
class InFloat32 {
  c10::impl::ExcludeDispatchKeyGuard guard_{c10::autocast_dispatch_keyset};
};

/// x itself unless it is of a shorter type than float32.
[[nodiscard]] torch::Tensor as_float32(const torch::Tensor& x);

}  // namespace kuda
