#pragma once
// The weights of a folder in Hugging Face layout.
//
//   const ArrayFile state = read_weights_folder("bert-base-uncased", "a text encoder is a folder with ...");

#include <filesystem>
#include <string>

#include "kuda/io/safetensors.h"

namespace kuda::io {

/// model.safetensors or pytorch_model.bin, whole or in parts that an index names. Throws DataError (with `hint`
/// where there is neither), naming the part or the tensor that is not there, and what read_weights throws.
[[nodiscard]] ArrayFile read_weights_folder(const std::filesystem::path& folder, const std::string& hint);

}  // namespace kuda::io
