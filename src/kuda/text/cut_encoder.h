#pragma once
// A text encoder made small: its first layers, and of its vocabulary the pieces that some texts need. On these texts it
// computes exactly what the whole one computes up to that layer, with a fraction of the memory and time.
//
//   write_cut_encoder("encoders/minilm", "small", 2, texts);      // a folder in Hugging Face layout, as any encoder

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace kuda {

struct CutEncoder {
  std::int64_t layers = 0, pieces = 0;  ///< that are left
};

/// Writes config.json, vocab.txt and model.safetensors into `out`, each whole or not at all; other files there stay.
/// The same arguments give the same bytes. `layers`: 0 = all. Kept pieces: those of the texts and [PAD], [UNK], [CLS],
/// [SEP], [MASK], in their order; in other texts, words that need another piece become shorter pieces or [UNK]. Throws
/// ConfigError when the encoder has fewer layers, or when `out` is `from`; and as BertConfig::load, WordPiece::load and
/// load_bert_weights.
CutEncoder write_cut_encoder(const std::filesystem::path& from, const std::filesystem::path& out, std::int64_t layers,
                             const std::vector<std::string>& texts);

}  // namespace kuda
