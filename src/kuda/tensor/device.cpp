#include "kuda/tensor/device.h"

#include <fmt/format.h>
#include <torch/torch.h>

#include "kuda/base/error.h"

namespace kuda {

torch::Device device_of(const std::string& name) {
  const bool is_cuda = name == "cuda" || (name.starts_with("cuda:") && name.size() > 5 &&
                                          name.find_first_not_of("0123456789", 5) == std::string::npos);
  if (name != "cpu" && !is_cuda) throw ConfigError("device: expected cpu, cuda or cuda:N, found '" + name + "'");
  if (is_cuda && !torch::cuda::is_available())
    throw ConfigError("device = \"" + name + "\": this machine or this LibTorch has no CUDA device",
                      "set device = \"cpu\"");
  const torch::Device device(name);
  if (const int count = is_cuda ? int(torch::cuda::device_count()) : 0; is_cuda && device.index() >= count)
    throw ConfigError(fmt::format("device = \"{}\": there are {} CUDA devices", name, count));
  return device;
}

}  // namespace kuda
