#include "kuda/text/wordpiece.h"

#include <fmt/format.h>

#include <algorithm>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/base/utf8.h"
#include "kuda/text/id_gap.h"

namespace kuda {
namespace {

/// Calls `found` for each mark in the text, the first and of those the longest, and `between` for what lies between.
template <class Marks, class Found, class Between>
void for_marks(std::u32string_view text, std::u32string_view searched, const Marks& marks, Found found,
               Between between) {
  std::size_t begin = 0;
  for (std::size_t at = 0; !marks.empty() && at < text.size();) {
    const auto* best = static_cast<decltype(marks.data())>(nullptr);
    for (const auto& mark : marks) {
      if (searched.substr(at, mark.text.size()) != mark.text || (best && best->text.size() >= mark.text.size()))
        continue;
      const auto end = at + mark.text.size();
      if (mark.single_word &&
          ((at > 0 && is_word_character(text[at - 1])) || (end < text.size() && is_word_character(text[end]))))
        continue;
      best = &mark;
    }
    if (best == nullptr) {
      ++at;
      continue;
    }
    between(text.substr(begin, at - begin));
    found(best->id);
    begin = at += best->text.size();
  }
  between(text.substr(begin));
}

std::u32string lowered_in_place(std::u32string_view text) {
  std::u32string result(text);
  std::transform(result.begin(), result.end(), result.begin(), lowered);
  return result;
}

}  // namespace

std::vector<std::string> read_vocabulary(const std::filesystem::path& vocab) {
  const std::string text = read_file(vocab);
  std::vector<std::string> pieces;
  constexpr std::string_view kMark = "\xEF\xBB\xBF";  // Windows' Notepad writes it
  for (std::size_t begin = text.starts_with(kMark) ? kMark.size() : 0; begin < text.size();) {
    const auto end = std::min(text.find('\n', begin), text.size());
    auto piece = text.substr(begin, end - begin);
    if (piece.ends_with('\r')) piece.pop_back();
    pieces.push_back(std::move(piece));
    begin = end + 1;
  }
  while (!pieces.empty() && pieces.back().empty()) pieces.pop_back();
  return pieces;
}

WordPiece WordPiece::load(const std::filesystem::path& vocab, const TokenizerRules& rules) {
  return from_pieces(read_vocabulary(vocab), rules, vocab);
}

WordPiece WordPiece::from_pieces(std::vector<std::string> pieces, const TokenizerRules& rules,
                                 const std::filesystem::path& source) {
  WordPiece tokenizer;
  tokenizer.path_ = source;
  tokenizer.rules_ = rules;
  tokenizer.pieces_ = std::move(pieces);
  tokenizer.id_of_.reserve(tokenizer.pieces_.size());
  for (std::size_t i = 0; i < tokenizer.pieces_.size(); ++i) {
    const auto& piece = tokenizer.pieces_[i];
    tokenizer.id_of_[piece] = static_cast<std::int64_t>(i);
    if (piece.size() > tokenizer.longest_)  // of bytes there are no fewer than of code points
      tokenizer.longest_ = std::max(tokenizer.longest_, decode_utf8(piece).size());
  }
  tokenizer.add_tokens();
  const auto id = [&](const std::string& special) {
    const auto found = tokenizer.id_of_.find(special);
    if (found == tokenizer.id_of_.end())
      throw DataError(fmt::format("{}: no piece {} among {}", source.string(), special, tokenizer.pieces_.size()),
                      "expected the vocab.txt of a BERT, one piece a line");
    return found->second;
  };
  tokenizer.pad_ = id(rules.pad_token);
  tokenizer.unknown_ = id(rules.unk_token);
  tokenizer.begin_ = id(rules.cls_token);
  tokenizer.end_ = id(rules.sep_token);
  return tokenizer;
}

/// Added and special tokens, and the words that stay whole.
void WordPiece::add_tokens() {
  const auto base = pieces_.size();
  for (const auto& token : rules_.added) {
    if (token.content.empty() || !is_near_vocabulary(token.id, base))
      throw DataError(fmt::format("{}: added token '{}': id {} lies far beyond the {} pieces of the vocabulary",
                                  path_.string(), token.content, token.id, base));
    const auto at = static_cast<std::size_t>(token.id);
    if (at < pieces_.size() && !pieces_[at].empty() && pieces_[at] != token.content)
      throw DataError(fmt::format("{}: added token '{}': id {} is that of '{}'", path_.string(), token.content,
                                  token.id, pieces_[at]),
                      "tokenizer_config.json, added_tokens.json and the vocabulary must come from one encoder");
    if (at >= pieces_.size()) pieces_.resize(at + 1);
    pieces_[at] = token.content;
    id_of_[token.content] = token.id;
    const auto text = decode_utf8(token.content);
    const bool any_case = token.normalized && rules_.do_lower_case;
    auto& marks = token.normalized ? normalized_marks_ : marks_;
    marks.push_back({any_case ? lowered_in_place(text) : text, token.id, token.single_word});
  }
  for (const auto* special :
       {&rules_.unk_token, &rules_.sep_token, &rules_.pad_token, &rules_.cls_token, &rules_.mask_token}) {
    const auto found = id_of_.find(*special);
    const auto text = decode_utf8(*special);
    if (found == id_of_.end() || text.empty()) continue;
    marks_.push_back({text, found->second, false});
    // Where a control character stands inside, BertTokenizer finds it after cleaning, but not among lower-cased words.
    if (!rules_.do_lower_case) word_rules_.whole.push_back(text);
  }
  for (const auto& word : rules_.never_split) word_rules_.whole.push_back(decode_utf8(word));
  word_rules_.lower_case = rules_.do_lower_case;
  word_rules_.strip_accents = rules_.strip_accents.value_or(rules_.do_lower_case);
  word_rules_.split_ideographs = rules_.tokenize_chinese_chars;
}

/// The longest piece first, then the longest "##" piece of what is left; [UNK] for the whole word if any part has none.
void WordPiece::append_word(std::u32string_view word, std::vector<std::int64_t>& ids) const {
  const auto before = ids.size();
  for (std::size_t begin = 0; word.size() <= rules_.longest_word && begin < word.size();) {
    const std::string prefix = begin == 0 ? "" : "##";
    std::size_t end = std::min(word.size(), begin + longest_);
    auto found = id_of_.end();
    for (; end > begin; --end) {
      found = id_of_.find(prefix + encode_utf8(word.substr(begin, end - begin)));
      if (found != id_of_.end()) break;
    }
    if (end == begin) {
      ids.resize(before);
      break;
    }
    ids.push_back(found->second);
    begin = end;
  }
  if (ids.size() == before) ids.push_back(unknown_);
}

void WordPiece::append_words(std::u32string_view text, std::vector<std::int64_t>& ids) const {
  for (const auto& word : split_words(text, word_rules_)) append_word(word, ids);
}

void WordPiece::append_normalized(std::u32string_view text, std::vector<std::int64_t>& ids) const {
  if (normalized_marks_.empty()) return append_words(text, ids);
  const auto searched = rules_.do_lower_case ? lowered_in_place(text) : std::u32string(text);
  for_marks(
      text, searched, normalized_marks_, [&](std::int64_t id) { ids.push_back(id); },
      [&](std::u32string_view between) { append_words(between, ids); });
}

std::vector<std::int64_t> WordPiece::ids_of(std::string_view bytes) const {
  std::vector<std::int64_t> ids{begin_};
  const auto text = decode_utf8(bytes);
  for_marks(
      std::u32string_view(text), text, marks_, [&](std::int64_t id) { ids.push_back(id); },
      [&](std::u32string_view between) { append_normalized(between, ids); });
  ids.push_back(end_);
  return ids;
}

std::vector<std::string> WordPiece::tokens(std::string_view text) const {
  std::vector<std::string> pieces;
  for (const auto id : ids_of(text)) pieces.push_back(pieces_[static_cast<std::size_t>(id)]);
  return pieces;
}

TokenIds WordPiece::encode(std::string_view text, std::int64_t length) const {
  if (length < 2)
    throw ConfigError(fmt::format("text length: expected at least 2 ([CLS] and [SEP]), found {}", length));
  TokenIds result;
  result.ids = ids_of(text);
  const auto kept = static_cast<std::size_t>(length);
  if (result.ids.size() > kept) {
    result.ids.resize(kept - 1);
    result.ids.push_back(end_);
  }
  result.length = static_cast<std::int64_t>(result.ids.size());
  result.ids.resize(kept, pad_);
  return result;
}

}  // namespace kuda
