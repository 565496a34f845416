#include "kuda/nn/activation.h"

namespace kuda {

std::vector<std::string> activation_names() {
  return {"elu", "gelu", "hardshrink", "hardtanh", "leakyrelu", "relu", "tanh"};
}

torch::Tensor activate(const std::string& name, const torch::Tensor& x) {
  if (name == "elu") return torch::elu(x);
  if (name == "gelu") return torch::gelu(x);
  if (name == "hardshrink") return torch::hardshrink(x);
  if (name == "hardtanh") return torch::hardtanh(x);
  if (name == "leakyrelu") return torch::leaky_relu(x);
  if (name == "relu") return torch::relu(x);
  return torch::tanh(x);
}

}  // namespace kuda
