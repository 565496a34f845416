#include "kuda/data/finite.h"

#include <algorithm>
#include <bit>

namespace kuda {

NotFinite& NotFinite::operator+=(const NotFinite& other) noexcept {
  nan += other.nan;
  positive_infinity += other.positive_infinity;
  negative_infinity += other.negative_infinity;
  return *this;
}

NotFinite count_not_finite(std::span<const float> values) noexcept {
  constexpr std::uint32_t kExponent = 0x7F800000U, kFraction = 0x007FFFFFU;
  NotFinite counts;
  std::uint64_t special = 0;  // a loop without branches first: most data is finite
  for (const float value : values) special += (std::bit_cast<std::uint32_t>(value) & kExponent) == kExponent ? 1U : 0U;
  if (special == 0) return counts;
  for (const float value : values) {
    const auto bits = std::bit_cast<std::uint32_t>(value);
    if ((bits & kExponent) != kExponent) continue;
    if ((bits & kFraction) != 0)
      ++counts.nan;
    else
      ++((bits >> 31U) != 0 ? counts.negative_infinity : counts.positive_infinity);
  }
  return counts;
}

NotFinite count_not_finite(const torch::Tensor& values) {
  return count_not_finite(std::span(values.const_data_ptr<float>(), static_cast<std::size_t>(values.numel())));
}

bool all_zero(std::span<const float> values) noexcept {
  return std::all_of(values.begin(), values.end(), [](float value) { return value == 0.0F; });
}

}  // namespace kuda
