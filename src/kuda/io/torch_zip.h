#pragma once
// State dictionaries as Python's torch.save writes them (zip format; .pth, .pt, pytorch_model.bin).
//
//   const ArrayFile state = read_torch_zip("pytorch_model.bin");
//   write_torch_zip("model.pth", state.arrays);     // torch.load(..., weights_only=True) reads it

#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>

#include "kuda/io/safetensors.h"

namespace kuda::io {

/// Name to array, mapped where the zip stores the bytes (Python always does).
/// Reads a plain dict, an OrderedDict, and a dict that nests one under "state_dict" or "model"; numbers and text
/// beside the tensors (an epoch, a version) go to `metadata`, optimiser states and the like are left out.
/// Throws FormatError naming file, member and byte; a refused global is named. The legacy (non-zip) format throws
/// FormatError that says how to convert it.
[[nodiscard]] ArrayFile read_torch_zip(const std::filesystem::path& path);
/// The same from memory: `owner` keeps `bytes` alive, `name` stands for the file in messages.
[[nodiscard]] ArrayFile read_torch_zip(std::span<const std::byte> bytes, std::shared_ptr<const void> owner,
                                       const std::string& name);

/// Writes an OrderedDict of CPU tensors, in the order of the map; atomic, and the same content gives the same bytes.
void write_torch_zip(const std::filesystem::path& path, const std::map<std::string, Array>& arrays);

}  // namespace kuda::io
