#pragma once
// Token ids of clips: stored in the feature file, or made from the raw text. Which one, and why: docs/data-formats.md.

#include <cstdint>
#include <string>
#include <vector>

#include "kuda/data/data_config.h"
#include "kuda/data/dataset.h"
#include "kuda/text/wordpiece.h"

namespace kuda {

/// How far stored ids are those that a tokenizer gives for the raw text.
struct TokenAgreement {
  std::int64_t checked = 0, equal = 0;  ///< clips
  std::int64_t largest_id = 0;          ///< of all stored ids
  std::string example;                  ///< id of the first clip that differs
};
/// On at most `most` clips, evenly spread; all of them with most = 0. Lower- or upper-case raw text alike: the
/// tokenizer decides.
[[nodiscard]] TokenAgreement token_agreement(const Dataset& dataset, const WordPiece& tokenizer, std::int64_t most = 0);

/// One text as a batch holds it, without padding.
struct TextPieces {
  std::vector<std::int64_t> ids, segments;
};

class TokenSource {
 public:
  /// Both arguments must outlive this object. Throws DataError naming both sides when data.text_source = "tokens" and
  /// the stored ids do not fit the vocabulary, or when more than half of the clips compared have other ids than their
  /// raw text gives; also when the clips have neither ids nor text.
  TokenSource(const Dataset& dataset, const WordPiece& tokenizer, const DataConfig& config);

  [[nodiscard]] bool uses_stored_ids() const noexcept { return uses_stored_; }
  [[nodiscard]] std::int64_t length() const noexcept { return length_; }  ///< pieces of a full batch
  [[nodiscard]] std::int64_t pad_id() const noexcept { return pad_id_; }
  /// At most length() pieces, [CLS] first and [SEP] last.
  [[nodiscard]] TextPieces pieces(std::int64_t row) const;
  /// Pieces of the whole text, of which `pieces` may give fewer.
  [[nodiscard]] std::int64_t whole_length(std::int64_t row) const;
  [[nodiscard]] const std::vector<std::string>& notes() const noexcept { return notes_; }

 private:
  void require_vocabulary(const TokenAgreement& agreement) const;
  [[nodiscard]] std::int64_t longest_text(std::int64_t at_most) const;
  [[nodiscard]] TextPieces stored_pieces(std::int64_t row) const;

  const Dataset& dataset_;
  const WordPiece& tokenizer_;
  bool uses_stored_ = false;
  std::int64_t length_ = 0, pad_id_ = 0;
  std::vector<std::string> notes_;
};

}  // namespace kuda
