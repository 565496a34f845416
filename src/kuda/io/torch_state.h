#pragma once
// Private to io/: the dictionary of tensors in what torch.save wrote.

#include <string>

#include "kuda/io/pickle/value.h"
#include "kuda/io/safetensors.h"

namespace kuda::io {

/// The only dictionary of tensors in the tree, wherever it lies: the root, under "state_dict", "net", any key; what
/// stands under a key that begins with "opt" is an optimiser's. Says where it was found, and what was left out beside
/// it. Numbers and text beside the tensors go to `metadata`, and so do tensors that are no plain arrays: what they are.
/// Throws FormatError where there is none, or several: with their places.
[[nodiscard]] ArrayFile state_in(const Value& root, const std::string& name);

}  // namespace kuda::io
