#pragma once
// BERT WordPiece from a published vocab.txt, equal to the classic Python BertTokenizer.
//
//   const WordPiece tokenizer = WordPiece::load("bert-base-uncased/vocab.txt");
//   const TokenIds ids = tokenizer.encode("a fine film", 50);

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace kuda {

struct TokenIds {
  std::vector<std::int64_t> ids;  ///< padded with the id of [PAD] to the asked length
  std::int64_t length = 0;        ///< number of real pieces, [CLS] and [SEP] included
};

class WordPiece {
 public:
  /// Throws FormatError when the file cannot be read, DataError when a special token is missing.
  static WordPiece load(const std::filesystem::path& vocab, bool lower_case = true);
  /// From the pieces themselves, id = position; of equal pieces the last counts. `source` names them in errors.
  static WordPiece from_pieces(std::vector<std::string> pieces, bool lower_case = true,
                               const std::filesystem::path& source = "vocabulary");

  /// Pieces with [CLS] and [SEP], not truncated. Invalid UTF-8 is replaced, as Python's errors="replace". [UNK], [SEP],
  /// [PAD], [CLS] and [MASK] in the text are themselves; a word of more than 100 characters is [UNK].
  [[nodiscard]] std::vector<std::string> tokens(std::string_view text) const;
  /// Ids padded to and truncated at `length` >= 2 (keeps [CLS], the first length - 2 pieces, [SEP]).
  /// Throws ConfigError for a smaller length.
  [[nodiscard]] TokenIds encode(std::string_view text, std::int64_t length) const;
  [[nodiscard]] std::int64_t size() const noexcept { return static_cast<std::int64_t>(pieces_.size()); }
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
  [[nodiscard]] const std::vector<std::string>& pieces() const noexcept { return pieces_; }
  [[nodiscard]] bool lower_case() const noexcept { return lower_case_; }

 private:
  WordPiece() = default;
  void append_word(std::u32string_view word, std::vector<std::int64_t>& ids) const;
  [[nodiscard]] std::vector<std::int64_t> ids_of(std::string_view text) const;

  std::filesystem::path path_;
  bool lower_case_ = true;
  std::vector<std::string> pieces_;
  std::unordered_map<std::string, std::int64_t> id_of_;
  std::int64_t pad_ = 0, unknown_ = 0, begin_ = 0, end_ = 0;
  std::size_t longest_ = 0;  ///< code points of the longest piece: nothing longer needs to be looked up
};

}  // namespace kuda
