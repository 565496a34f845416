#pragma once
// NumPy's .npz files: a zip of .npy members.
//
//   const ArrayFile features = read_npz("features.npz");
//   const Array& audio = features.at("audio");

#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "kuda/io/safetensors.h"

namespace kuda::io {

/// A .npz file: name (without .npy) to array; stored members are mapped, deflated ones unpacked once. Members that are
/// no numbers (text, objects, records) are left out; `metadata` gives the reason under their name.
/// Throws FormatError naming the file and the member.
[[nodiscard]] ArrayFile read_npz(const std::filesystem::path& path);
/// The same from memory: `owner` keeps `bytes` alive, `name` stands for the file in messages.
[[nodiscard]] ArrayFile read_npz(std::span<const std::byte> bytes, std::shared_ptr<const void> owner,
                                 const std::string& name);

}  // namespace kuda::io
