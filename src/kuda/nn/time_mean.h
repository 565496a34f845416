#pragma once
// A sequence reduced to its mean over time.

#include <torch/torch.h>

namespace kuda {

/// x [B, L, D], padding [B, L] bool (true = padded) -> [B, D], in float32: mean over the frames that are not padding. A
/// clip whose frames are all padded gives zeros. A NaN or an infinity in a real frame stays visible.
[[nodiscard]] torch::Tensor time_mean(const torch::Tensor& x, const torch::Tensor& padding);

/// The same as the loader of thuiar/MMSA a94e65d does it ("need_normalized"): padding frames count in sum and divisor;
/// a NaN mean becomes 0, so that one bad frame zeroes a feature of its clip; and before that, with `is_audio`, every
/// -inf becomes 0 (not in vision; +inf stays).
[[nodiscard]] torch::Tensor loader_time_mean(const torch::Tensor& x, bool is_audio);

}  // namespace kuda
