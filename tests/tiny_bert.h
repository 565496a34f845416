#pragma once
// A small BERT folder in Hugging Face layout with random weights, made anew by every test that needs one: the same
// bytes each time, and no binary file in the repository.

#include <filesystem>

namespace kuda::test {

/// Writes config.json, vocab.txt and model.safetensors (6 layers, width 32; about 300 KB) into `folder`.
/// The vocabulary spells any English word by letters and holds some frequent words whole.
void write_tiny_bert(const std::filesystem::path& folder);

}  // namespace kuda::test
