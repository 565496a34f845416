#pragma once
// The tokenizer of a folder in Hugging Face layout, whichever of the usual files it has.
//
//   const WordPiece tokenizer = load_tokenizer("bert-base-cased");
//   save_tokenizer("run/model", tokenizer);       // vocab.txt and tokenizer_config.json, which transformers reads too

#include <filesystem>

#include "kuda/text/wordpiece.h"

namespace kuda {

/// Pieces from tokenizer.json, else from vocab.txt. How text becomes words, which tokens are special and which were
/// added: tokenizer_config.json, special_tokens_map.json and added_tokens.json, each above what tokenizer.json says.
/// Throws FormatError for a file that is no JSON, DataError for what WordPiece cannot do (another kind of model or
/// normaliser), for values of a wrong type and where there is no vocabulary.
[[nodiscard]] WordPiece load_tokenizer(const std::filesystem::path& folder);

/// True where load_tokenizer would find a vocabulary.
[[nodiscard]] bool has_tokenizer(const std::filesystem::path& folder);

/// Writes what load_tokenizer needs to give the same tokenizer again. Throws DataError for a piece with a line end in
/// it.
void save_tokenizer(const std::filesystem::path& folder, const WordPiece& tokenizer);

}  // namespace kuda
