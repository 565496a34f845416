#pragma once
// A tiny text encoder with random weights as a folder in Hugging Face layout: for the self-check and for tests, which
// need one that is always there and costs nothing.

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace kuda {

/// Writes config.json, vocab.txt (letters and digits, whole and as continuations, so that any English text has pieces)
/// and model.safetensors. `words` are pieces of their own, each given once. The same arguments give the same bytes.
void write_small_encoder(const std::filesystem::path& folder, std::int64_t layers = 4, std::int64_t width = 16,
                         std::uint64_t seed = 1, const std::vector<std::string>& words = {});

}  // namespace kuda
