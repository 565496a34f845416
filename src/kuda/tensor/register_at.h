#pragma once
// Published names of modules: children of children, given by their path.
//
//   output_ = register_at(*this, "classifier.out_proj", Linear(width, 1));
//   weight_ = module_at(*this, "self_attn").register_parameter("in_proj_weight", torch::empty({3 * d, d}));

#include <torch/torch.h>

#include <string>
#include <utility>

namespace kuda {

/// The module at `path` below `owner`, names joined by dots. Where a name is not there yet, an empty module is
/// registered under it, which gives its children their published names and does nothing itself. A state dictionary
/// lists children in the order of their first mention. Throws Error for an empty name.
torch::nn::Module& module_at(torch::nn::Module& owner, const std::string& path);

/// Registers a module (or its holder) under `path`, making the empty ones on the way, and returns what register_module
/// does. Throws c10::Error when the last name is taken.
template <class M>
auto register_at(torch::nn::Module& owner, const std::string& path, M module) {
  const auto dot = path.rfind('.');
  auto& parent = dot == std::string::npos ? owner : module_at(owner, path.substr(0, dot));
  return parent.register_module(path.substr(dot + 1), std::move(module));  // npos + 1 is 0
}

}  // namespace kuda
