#pragma once
// What every multi-head attention here holds, under the names of torch.nn.MultiheadAttention.

#include <torch/torch.h>

#include <cstdint>

#include "kuda/tensor/linear.h"

namespace kuda {

/// Names in_proj_weight, in_proj_bias, out_proj. Initial values: Xavier uniform, biases 0; out_proj's weight as
/// Linear's.
class PackedProjections : public torch::nn::Module {
 public:
  PackedProjections(std::int64_t dim, std::int64_t num_heads, double dropout);  ///< ConfigError: heads divide dim

 protected:
  std::int64_t num_heads_;
  double dropout_;                               ///< of the attention weights
  torch::Tensor in_proj_weight_, in_proj_bias_;  ///< [3D, D], [3D]: query, key, value
  Linear out_proj_{nullptr};
};

}  // namespace kuda
