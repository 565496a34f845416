#pragma once
// The small encoders of one modality that TFN and LMF share, under their published state-dict names.

#include <torch/torch.h>

#include <cstdint>

#include "kuda/tensor/linear.h"

namespace kuda {

/// A vector per clip: batch norm, dropout, three linear layers with ReLU. Names norm, linear_1, linear_2, linear_3.
/// A training batch of one clip has no variance (torch refuses it): it is normalised with the running statistics, which
/// it leaves as they are.
class FeatureSubnetImpl : public torch::nn::Module {
 public:
  FeatureSubnetImpl(std::int64_t input_width, std::int64_t hidden_width, double dropout);
  /// x [B, D] -> [B, H], not negative. `normalised`, if given, receives the output of the norm, [B, D].
  torch::Tensor forward(const torch::Tensor& x, torch::Tensor* normalised = nullptr);

 private:
  double dropout_;
  torch::nn::BatchNorm1d norm_{nullptr};
  Linear linear_1_{nullptr}, linear_2_{nullptr}, linear_3_{nullptr};
};
TORCH_MODULE(FeatureSubnet);

/// A sequence per clip: one LSTM layer, its last state, dropout, a linear layer. Names rnn, linear_1.
class TextSubnetImpl : public torch::nn::Module {
 public:
  TextSubnetImpl(std::int64_t input_width, std::int64_t hidden_width, std::int64_t output_width, double dropout);
  /// x [B, L, D] -> [B, output]. The last state is that at lengths[b] - 1 (lengths [B] int64), or at L - 1 where
  /// lengths are undefined. `state`, if given, receives it, [B, H].
  torch::Tensor forward(const torch::Tensor& x, const torch::Tensor& lengths, torch::Tensor* state = nullptr);

 private:
  double dropout_;
  torch::nn::LSTM rnn_{nullptr};
  Linear linear_1_{nullptr};
};
TORCH_MODULE(TextSubnet);

}  // namespace kuda
