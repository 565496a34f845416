#pragma once
// State dictionaries as Python's torch.save writes them since PyTorch 1.6 (zip format; .pth, .pt, pytorch_model.bin).
//
//   write_torch_zip("model.pth", arrays);           // torch.load(..., weights_only=True) reads it
//   const ArrayFile state = read_weights("model.pth");     // weights_file.h: this format and the others

#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>

#include "kuda/io/safetensors.h"

namespace kuda::io {

/// Name to array, mapped where the zip stores the bytes (Python always does). `owner` keeps `bytes` alive, `name`
/// stands for the file in messages. The only dict of tensors is taken: the root, or one below it under any key; where
/// it lies is said. Numbers and text beside it (an epoch, a version) go to `metadata`; optimiser states, options,
/// objects of any class are left out and named, and so are tensors that are no plain arrays (sparse, quantised).
/// Nothing is ever imported or run. Throws FormatError naming file, member and byte, and where several dicts hold
/// tensors.
[[nodiscard]] ArrayFile read_torch_zip(std::span<const std::byte> bytes, std::shared_ptr<const void> owner,
                                       const std::string& name);

/// Writes an OrderedDict of CPU tensors, in the order of the map; atomic, and the same content gives the same bytes.
void write_torch_zip(const std::filesystem::path& path, const std::map<std::string, Array>& arrays);

}  // namespace kuda::io
