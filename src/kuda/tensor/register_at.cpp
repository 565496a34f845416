#include "kuda/tensor/register_at.h"

#include <memory>

#include "kuda/base/error.h"

namespace kuda {

torch::nn::Module& module_at(torch::nn::Module& owner, const std::string& path) {
  const auto dot = path.find('.');
  const auto name = path.substr(0, dot);
  if (name.empty()) throw Error("module path '" + path + "': a name between the dots is empty");
  const auto children = owner.named_children();
  const auto* found = children.find(name);
  auto& child = found != nullptr ? **found : *owner.register_module(name, std::make_shared<torch::nn::Module>());
  return dot == std::string::npos ? child : module_at(child, path.substr(dot + 1));
}

}  // namespace kuda
