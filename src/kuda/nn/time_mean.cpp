#include "kuda/nn/time_mean.h"

#include <limits>

#include "kuda/tensor/precision.h"

namespace kuda {

torch::Tensor time_mean(const torch::Tensor& values, const torch::Tensor& padding) {
  const auto x = as_float32(values);                                                // bfloat16 counts to 256
  const auto hidden = padding.unsqueeze(-1);                                        // [B, L, 1]
  const auto count = hidden.logical_not().sum(1).clamp_min(1).to(x.scalar_type());  // [B, 1]
  return x.masked_fill(hidden, 0).sum(1) / count;                                   // [B, D]
}

torch::Tensor loader_time_mean(const torch::Tensor& x, bool is_audio) {
  const auto cleaned = is_audio ? x.masked_fill(x == -std::numeric_limits<double>::infinity(), 0) : x;
  const auto mean = cleaned.mean(1);  // [B, D]
  return mean.masked_fill(mean.isnan(), 0);
}

}  // namespace kuda
