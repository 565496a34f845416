#pragma once
// BERT WordPiece, equal to the Python BertTokenizer of the same folder.
//
//   const WordPiece tokenizer = load_tokenizer("bert-base-uncased");        // text/tokenizer_folder.h
//   const TokenIds ids = tokenizer.encode("a fine film", 50);

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "kuda/text/words.h"

namespace kuda {

struct TokenIds {
  std::vector<std::int64_t> ids;  ///< padded with the id of the padding piece to the asked length
  std::int64_t length = 0;        ///< number of real pieces, the first and the last one included
};

/// A token that was added to a vocabulary: it is found in the text before words are, and is one piece.
struct AddedToken {
  std::string content;
  std::int64_t id = 0;
  bool normalized = false;   ///< found whatever the case, where the tokenizer lower-cases
  bool single_word = false;  ///< not inside a word
};

/// What a folder says about its tokenizer. The names are those of tokenizer_config.json.
struct TokenizerRules {
  bool do_lower_case = true;
  std::optional<bool> strip_accents{};  ///< as do_lower_case where it is not said
  bool tokenize_chinese_chars = true;
  std::vector<std::string> never_split{};  ///< words that stay as they are
  std::string pad_token = "[PAD]", unk_token = "[UNK]", cls_token = "[CLS]", sep_token = "[SEP]", mask_token = "[MASK]";
  std::vector<AddedToken> added{};
  std::size_t longest_word = 100;  ///< code points; a longer word is unknown
};

/// The pieces of a vocab.txt, one a line; blank lines at its end are no pieces. Throws FormatError when it cannot be
/// read.
[[nodiscard]] std::vector<std::string> read_vocabulary(const std::filesystem::path& vocab);

class WordPiece {
 public:
  /// from_pieces(read_vocabulary(vocab)).
  static WordPiece load(const std::filesystem::path& vocab, const TokenizerRules& rules = {});
  /// From the pieces themselves, id = position; of equal pieces the last counts. `source` names them in errors.
  /// Throws DataError for a special token that is missing, and for an added token whose id is another piece's.
  static WordPiece from_pieces(std::vector<std::string> pieces, const TokenizerRules& rules = {},
                               const std::filesystem::path& source = "vocabulary");

  /// Pieces with the first ([CLS]) and the last one ([SEP]), not truncated. Invalid UTF-8 is replaced, as Python's
  /// errors="replace". Special and added tokens in the text are themselves.
  [[nodiscard]] std::vector<std::string> tokens(std::string_view text) const;
  /// Ids padded to and truncated at `length` >= 2 (keeps the first length - 1 pieces and the last one).
  /// Throws ConfigError for a smaller length.
  [[nodiscard]] TokenIds encode(std::string_view text, std::int64_t length) const;
  [[nodiscard]] std::int64_t size() const noexcept { return static_cast<std::int64_t>(pieces_.size()); }
  [[nodiscard]] std::int64_t unknown_id() const noexcept { return unknown_; }
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
  /// By id, added tokens included.
  [[nodiscard]] const std::vector<std::string>& pieces() const noexcept { return pieces_; }
  [[nodiscard]] const TokenizerRules& rules() const noexcept { return rules_; }

 private:
  struct Mark {
    std::u32string text;  ///< in lower case where `token.normalized` lets the case aside
    std::int64_t id = 0;
    bool single_word = false;
  };
  WordPiece() = default;
  void add_tokens();
  void append_word(std::u32string_view word, std::vector<std::int64_t>& ids) const;
  void append_words(std::u32string_view text, std::vector<std::int64_t>& ids) const;
  void append_normalized(std::u32string_view text, std::vector<std::int64_t>& ids) const;
  [[nodiscard]] std::vector<std::int64_t> ids_of(std::string_view text) const;

  std::filesystem::path path_;
  TokenizerRules rules_;
  WordRules word_rules_;
  std::vector<Mark> marks_, normalized_marks_;  ///< found in the text as it is, and in its lower case
  std::vector<std::string> pieces_;
  std::unordered_map<std::string, std::int64_t> id_of_;
  std::int64_t pad_ = 0, unknown_ = 0, begin_ = 0, end_ = 0;
  std::size_t longest_ = 0;  ///< code points of the longest piece: nothing longer needs to be looked up
};

}  // namespace kuda
