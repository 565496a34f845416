#pragma once
// State dictionaries: the tensors of a module by name, written out and loaded back strictly.
//
//   io::write_safetensors("model.safetensors", state_of(*model));
//   load_state(*model, io::read_safetensors("model.safetensors"));

#include <torch/torch.h>

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "kuda/io/safetensors.h"

namespace kuda {

/// Parameters and buffers by name, as arrays over the module's own memory (no copy; CPU tensors). Throws Error, as
/// load_state does, where parts of the module gave their weights up for scoring (tensor/linear.h).
[[nodiscard]] std::map<std::string, io::Array> state_of(const torch::nn::Module& module);

struct LoadOptions {
  /// Name in the file -> name in the module; an empty result drops the tensor. Default: the same name.
  std::function<std::string(std::string_view)> rename;
  /// Names of the module that may be missing from the file (they keep their values). Default: none.
  std::function<bool(std::string_view)> may_miss;
  /// Names (after renaming) in the file that the module does not have and that are dropped. Default: none.
  std::function<bool(std::string_view)> may_ignore;
};

/// Copies the file's tensors into the module by name. Throws CheckpointError naming the file, the first three
/// differences with both shapes and the likely cause; the module is unchanged then.
void load_state(torch::nn::Module& module, const io::ArrayFile& file, const LoadOptions& options = {});

}  // namespace kuda
