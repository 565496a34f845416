#pragma once
// Text to words before WordPiece: the rules of BertTokenizer.

#include <string>
#include <string_view>
#include <vector>

namespace kuda {

struct WordRules {
  bool lower_case = true;
  bool strip_accents = true;
  bool split_ideographs = true;       ///< CJK ideographs stand alone
  std::vector<std::u32string> whole;  ///< words that are never changed nor split
};

/// The text is lower-cased (if asked), freed of control characters and unassigned code points, split at white space,
/// around CJK ideographs (if asked) and around punctuation, and freed of accents (if asked). Unicode tables are those
/// of utf8proc.
[[nodiscard]] std::vector<std::u32string> split_words(std::u32string_view text, const WordRules& rules);

/// The text has a word: something beside white space and what is dropped before words are read (control characters).
[[nodiscard]] bool has_words(std::string_view utf8);

/// One code point to its lower case; U+0130 to "i", whose dot above is left out.
[[nodiscard]] char32_t lowered(char32_t c);
/// Letters, digits, marks that join and underscores: what a token that must stand alone may not touch.
[[nodiscard]] bool is_word_character(char32_t c);

}  // namespace kuda
