#pragma once
// Named tensors from a file, whatever its name says: safetensors, or torch.save in either of its formats.
//
//   const ArrayFile state = read_weights("pytorch_model.bin");     // may hold safetensors as well

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "kuda/io/safetensors.h"

namespace kuda::io {

/// The format is recognised by content. Of torch.save the only dictionary of tensors is taken, wherever it lies, and
/// what is beside it is left out (torch_zip.h). Throws FormatError naming file and byte; files that are often taken for
/// weights (HDF5, a page of HTML, a Git LFS pointer) are named (file_kind.h).
[[nodiscard]] ArrayFile read_weights(const std::filesystem::path& path);

/// How to save a tensor that was left out ("a sparse tensor", as the metadata has it) so that it is read, for a hint:
/// "" for what is no tensor.
[[nodiscard]] std::string plain_tensor_recipe(std::string_view what);
/// The same from memory: `owner` keeps `bytes` alive, `name` stands for the file in messages.
[[nodiscard]] ArrayFile read_weights(std::span<const std::byte> bytes, std::shared_ptr<const void> owner,
                                     const std::string& name);

}  // namespace kuda::io
