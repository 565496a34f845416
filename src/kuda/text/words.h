#pragma once
// Text to words before WordPiece: the rules of the classic Python BertTokenizer.

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace kuda {

/// Words that are never lower-cased nor split.
inline constexpr std::array<std::u32string_view, 5> kSpecialWords{U"[UNK]", U"[SEP]", U"[PAD]", U"[CLS]", U"[MASK]"};

/// Special words stand alone; the rest is lower-cased (if asked), freed of control characters and unassigned code
/// points, split at white space, around CJK ideographs and around punctuation, and freed of accents (if lower-cased).
/// Unicode tables are those of utf8proc.
[[nodiscard]] std::vector<std::u32string> split_words(std::u32string_view text, bool lower_case);

}  // namespace kuda
