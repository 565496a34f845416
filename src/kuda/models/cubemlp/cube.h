#pragma once
// The blocks of CubeMLP: three small MLPs mix a cube [time, modality, channel] along one axis each.

#include <torch/torch.h>

#include <array>
#include <string>

#include "kuda/models/cubemlp/config.h"
#include "kuda/tensor/linear.h"

namespace kuda::cubemlp {

/// l, k, d: time steps, modalities, channels.
using CubeSizes = std::array<std::int64_t, 3>;

/// For each axis in turn, moved to the end:
///   norm first:  x <- dropout(W2 act(W1 LN(x))) + Res(x)
///   norm last:   x <- LN(dropout(W2 act(W1 x)) + Res(x))
/// Res is a bias-free linear layer, or x itself. LN eps 1e-6, over that axis only.
class CubeBlockImpl : public torch::nn::Module {
 public:
  /// Throws ConfigError when residuals are not projected but sizes change.
  CubeBlockImpl(const CubeMlpConfig& config, std::size_t index, const CubeSizes& input);
  /// x [B, l, k, d] -> [B, l', k', d']
  torch::Tensor forward(torch::Tensor x);

 private:
  struct Axis {
    Linear up{nullptr}, down{nullptr}, residual{nullptr};
    torch::nn::LayerNorm norm{nullptr};
  };
  Activation activation_;
  bool norm_first_;
  std::vector<double> dropout_;
  std::array<Axis, 3> axes_;
};
TORCH_MODULE(CubeBlock);

}  // namespace kuda::cubemlp
