#include "kuda/nn/activation.h"

namespace kuda {

torch::Tensor activate(Activation activation, const torch::Tensor& x) {
  switch (activation) {
    case Activation::elu:
      return torch::elu(x);
    case Activation::gelu:
      return torch::gelu(x);
    case Activation::hardshrink:
      return torch::hardshrink(x);
    case Activation::hardtanh:
      return torch::hardtanh(x);
    case Activation::leakyrelu:
      return torch::leaky_relu(x);
    case Activation::relu:
      return torch::relu(x);
    case Activation::tanh:
      return torch::tanh(x);
  }
  return {};
}

}  // namespace kuda
