#pragma once
// Convolutions of small networks as TFLite means them, with all that follows in one pass over the result: bias, a
// second summand, PReLU. Pictures are [N, H, W, C] (channels last), as in TFLite.
//
//   Convolution conv({.weight = w, .bias = b, .stride_y = 2, .stride_x = 2, .same = true});      // w [O, kh, kw, I]
//   conv.set_slope(slope);                                                 // PReLU; zeros make a ReLU of it
//   y = conv.run(x, residual);
//
// Own kernels, because the layers have 8 to 128 channels: there LibTorch's way (oneDNN, then PReLU, then the sum, each
// with its own pass and its fixed cost) takes three to four times as long.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace kuda {

struct ConvolutionOptions {
  at::Tensor weight;  ///< float32 [O, kh, kw, I], or [1, kh, kw, C] where each channel is for itself
  at::Tensor bias;    ///< float32 [O]
  std::int64_t stride_y = 1, stride_x = 1;
  bool same = false;       ///< zeros around as TFLite's SAME, else none
  bool depthwise = false;  ///< each channel for itself
};

/// Immutable when set up; may run on several threads at a time, each run on one. Results of processors with AVX2 and
/// without differ by rounding; those of one do not depend on N.
class Convolution {
 public:
  explicit Convolution(const ConvolutionOptions& options);
  /// [O] float32: what is below 0 is multiplied by it.
  void set_slope(const at::Tensor& slope);
  /// x float32 [N, H, W, I] -> [N, H', W', O]. `residual`: undefined or [N, H', W', R], added to the first R channels
  /// before the activation; R is O or a multiple of 8 below it.
  [[nodiscard]] at::Tensor run(const at::Tensor& x, const at::Tensor& residual = {}) const;

  static constexpr std::int64_t kBlock = 8;  ///< channels of the result that are made together

 private:
  at::Tensor run_whole(const at::Tensor& x, const at::Tensor& residual) const;
  at::Tensor run_depthwise(const at::Tensor& x) const;
  ConvolutionOptions options_;
  std::int64_t channels_ = 0;
  at::Tensor bias_, slope_;    ///< [O]; slope undefined: no activation
  std::vector<float> packed_;  ///< blocks of 8, then 4, then 1 outputs: [kh * kw * I][outputs of the block]
};

}  // namespace kuda
