#include "kuda/nn/packed_projections.h"

#include <fmt/format.h>

#include "kuda/base/error.h"

namespace kuda {

PackedProjections::PackedProjections(std::int64_t dim, std::int64_t num_heads, double dropout)
    : num_heads_(num_heads), dropout_(dropout) {
  if (num_heads < 1 || dim % num_heads != 0)
    throw ConfigError(fmt::format("attention: {} heads do not divide the width {}", num_heads, dim));
  in_proj_weight_ = register_parameter("in_proj_weight", torch::empty({3 * dim, dim}));
  in_proj_bias_ = register_parameter("in_proj_bias", torch::zeros({3 * dim}));
  out_proj_ = register_module("out_proj", Linear(dim, dim));
  torch::nn::init::xavier_uniform_(in_proj_weight_);
  torch::nn::init::zeros_(out_proj_->bias);
}

}  // namespace kuda
