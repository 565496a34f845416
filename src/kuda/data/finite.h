#pragma once
// What is not finite in some values.

#include <torch/torch.h>

#include <cstdint>
#include <span>

namespace kuda {

struct NotFinite {
  std::int64_t nan = 0, positive_infinity = 0, negative_infinity = 0;
  [[nodiscard]] std::int64_t total() const noexcept { return nan + positive_infinity + negative_infinity; }
  NotFinite& operator+=(const NotFinite& other) noexcept;
};

[[nodiscard]] NotFinite count_not_finite(std::span<const float> values) noexcept;
/// Of a contiguous float32 tensor.
[[nodiscard]] NotFinite count_not_finite(const torch::Tensor& values);

/// True when every value equals zero (-0.0 does, NaN does not).
[[nodiscard]] bool all_zero(std::span<const float> values) noexcept;

}  // namespace kuda
