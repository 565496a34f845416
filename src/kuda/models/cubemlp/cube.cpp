#include "kuda/models/cubemlp/cube.h"

#include <fmt/format.h>

#include "kuda/base/error.h"
#include "kuda/nn/activation.h"
#include "kuda/tensor/dropout.h"
#include "kuda/tensor/register_at.h"

namespace kuda::cubemlp {

using torch::Tensor;

CubeBlockImpl::CubeBlockImpl(const CubeMlpConfig& config, std::size_t index, const CubeSizes& input)
    : activation_(config.activation), norm_first_(config.norm_first), dropout_(config.dropout_mlp) {
  const std::array<std::string, 3> letters{"l", "k", "d"};
  const std::array<const char*, 3> names{"time", "modality", "channel"};
  const CubeSizes hidden{config.hidden_time[index], config.hidden_modality[index], config.hidden_channel[index]};
  const CubeSizes output{config.out_time[index], config.out_modality[index], config.out_channel[index]};
  const auto linear = [](std::int64_t from, std::int64_t to, bool bias) {
    return Linear(torch::nn::LinearOptions(from, to).bias(bias));
  };
  for (std::size_t a = 0; a < 3; ++a) {
    auto& mlp = module_at(*this, "mlp_" + letters[a]);
    axes_[a].up = mlp.register_module("fc1", linear(input[a], hidden[a], config.bias));
    axes_[a].down = mlp.register_module("fc2", linear(hidden[a], output[a], config.bias));
    const auto size = norm_first_ ? input[a] : output[a];
    axes_[a].norm =
        register_module("ln_" + letters[a], torch::nn::LayerNorm(torch::nn::LayerNormOptions({size}).eps(1e-6)));
    if (config.is_projected(index))
      axes_[a].residual = register_module("res_projection_" + letters[a], linear(input[a], output[a], false));
    else if (input[a] != output[a])
      throw ConfigError(fmt::format("cubemlp.out_{}: block {} makes {} of {} without a projected residual{}", names[a],
                                    index, output[a], input[a], a == 1 ? " (as many as modalities are used)" : ""),
                        "set cubemlp.residual_projection = [1] or keep the size");
  }
}

Tensor CubeBlockImpl::forward(Tensor x) {
  for (std::size_t a = 0; a < 3; ++a) {
    auto& axis = axes_[a];
    const auto at = static_cast<std::int64_t>(a) + 1;
    const auto y = x.transpose(at, 3);  // the axis that is mixed comes last
    const auto inner = activate(activation_, axis.up(norm_first_ ? axis.norm(y) : y));
    const auto mixed =
        hash_dropout(axis.down(inner), dropout_[a], is_training()) + (axis.residual.is_empty() ? y : axis.residual(y));
    x = (norm_first_ ? mixed : axis.norm(mixed)).transpose(at, 3);
  }
  return x;
}

}  // namespace kuda::cubemlp
