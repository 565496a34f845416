#pragma once
// The pieces of a Whisper folder: what each id says, which are orders to the model, which may never come.
//
//   const auto tokens = WhisperTokens::load("whisper-tiny.en", config);
//   const auto prompt = tokens.prompt("en");
//   text += tokens.pieces[std::size_t(id)];                          // bytes: a letter may lie across two pieces

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "kuda/extract/speech/whisper.h"

namespace kuda {

struct WhisperTokens {
  std::vector<std::string> pieces;  ///< the bytes that an id stands for; empty: an order, or no piece at all
  std::int64_t end = 0, start = 0, no_timestamps = 0, transcribe = 0;
  std::map<std::string, std::int64_t> languages;  ///< code -> id; empty where the model knows English alone
  std::vector<std::int64_t> suppressed, suppressed_first;
  std::vector<std::pair<std::size_t, std::int64_t>> alignment_heads;  ///< layer and head: those that follow the sound

  /// Pieces from tokenizer.json, else vocab.json, with what added_tokens.json and tokenizer_config.json add; the rest
  /// from generation_config.json, else config.json. Throws FormatError (no JSON), DataError (wrong values, an order
  /// that is not there), CheckpointError (no vocabulary).
  static WhisperTokens load(const std::filesystem::path& folder, const WhisperConfig& config);
  /// What stands before the first piece of a transcript.
  [[nodiscard]] std::vector<std::int64_t> prompt(const std::string& language) const;
  [[nodiscard]] bool is_multilingual() const noexcept { return !languages.empty(); }
};

/// The bytes behind a piece of byte-level BPE (GPT-2), whose vocabulary writes each byte as a printable letter; a
/// letter that stands for none is kept as it is.
[[nodiscard]] std::string bytes_of_piece(const std::string& piece);

}  // namespace kuda
