#include "kuda/text/wordpiece.h"

#include <fmt/format.h>

#include <algorithm>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/base/utf8.h"
#include "kuda/text/words.h"

namespace kuda {
namespace {

constexpr std::size_t kLongestWord = 100;  ///< code points; a longer word is one [UNK]

}  // namespace

WordPiece WordPiece::load(const std::filesystem::path& vocab, bool lower_case) {
  const std::string text = read_file(vocab);
  std::vector<std::string> pieces;
  for (std::size_t begin = 0; begin < text.size();) {
    const auto end = std::min(text.find('\n', begin), text.size());
    auto piece = text.substr(begin, end - begin);
    if (piece.ends_with('\r')) piece.pop_back();
    pieces.push_back(std::move(piece));
    begin = end + 1;
  }
  return from_pieces(std::move(pieces), lower_case, vocab);
}

WordPiece WordPiece::from_pieces(std::vector<std::string> pieces, bool lower_case,
                                 const std::filesystem::path& source) {
  WordPiece tokenizer;
  tokenizer.path_ = source;
  tokenizer.lower_case_ = lower_case;
  tokenizer.pieces_ = std::move(pieces);
  tokenizer.id_of_.reserve(tokenizer.pieces_.size());
  for (std::size_t i = 0; i < tokenizer.pieces_.size(); ++i) {
    const auto& piece = tokenizer.pieces_[i];
    tokenizer.id_of_[piece] = static_cast<std::int64_t>(i);
    if (piece.size() > tokenizer.longest_)  // of bytes there are no fewer than of code points
      tokenizer.longest_ = std::max(tokenizer.longest_, decode_utf8(piece).size());
  }
  const auto id = [&](const std::string& special) {
    const auto found = tokenizer.id_of_.find(special);
    if (found == tokenizer.id_of_.end())
      throw DataError(fmt::format("{}: no piece {} among {}", source.string(), special, tokenizer.pieces_.size()),
                      "expected the vocab.txt of a BERT, one piece a line");
    return found->second;
  };
  tokenizer.pad_ = id("[PAD]");
  tokenizer.unknown_ = id("[UNK]");
  tokenizer.begin_ = id("[CLS]");
  tokenizer.end_ = id("[SEP]");
  return tokenizer;
}

/// The longest piece first, then the longest "##" piece of what is left; [UNK] for the whole word if any part has none.
void WordPiece::append_word(std::u32string_view word, std::vector<std::int64_t>& ids) const {
  const auto before = ids.size();
  for (std::size_t begin = 0; word.size() <= kLongestWord && begin < word.size();) {
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

std::vector<std::int64_t> WordPiece::ids_of(std::string_view text) const {
  std::vector<std::int64_t> ids{begin_};
  for (const auto& word : split_words(decode_utf8(text), lower_case_)) append_word(word, ids);
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
