#include "kuda/text/words.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstddef>
#include <new>
#include <string>

#include "kuda/base/utf8.h"

namespace kuda {
namespace {

utf8proc_category_t category(char32_t c) { return utf8proc_category(static_cast<utf8proc_int32_t>(c)); }

/// Unassigned, control, format, surrogate and private-use code points (Python: category C*).
bool is_dropped(char32_t c) {
  if (c == U'\t' || c == U'\n' || c == U'\r') return false;
  if (c == 0xFFFD) return true;
  const auto kind = category(c);
  return kind == UTF8PROC_CATEGORY_CN || (kind >= UTF8PROC_CATEGORY_CC && kind <= UTF8PROC_CATEGORY_CO);
}

/// What Python's str.split() splits at and the cleaning leaves: line and paragraph separators count too.
bool is_space(char32_t c) {
  if (c == U' ' || c == U'\t' || c == U'\n' || c == U'\r') return true;
  const auto kind = category(c);
  return kind >= UTF8PROC_CATEGORY_ZS && kind <= UTF8PROC_CATEGORY_ZP;
}

bool is_punctuation(char32_t c) {
  // All non-letter ASCII symbols count ("$", "^", "`"), though Unicode calls some of them symbols.
  if ((c >= 33 && c <= 47) || (c >= 58 && c <= 64) || (c >= 91 && c <= 96) || (c >= 123 && c <= 126)) return true;
  const auto kind = category(c);
  return kind >= UTF8PROC_CATEGORY_PC && kind <= UTF8PROC_CATEGORY_PO;
}

/// Ideographs only: Hangul, Hiragana and Katakana are split like any alphabet.
bool is_cjk(char32_t c) {
  return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) || (c >= 0x20000 && c <= 0x2A6DF) ||
         (c >= 0x2A700 && c <= 0x2CEAF) || (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x2F800 && c <= 0x2FA1F);
}

bool is_ascii(std::u32string_view text) {
  return std::all_of(text.begin(), text.end(), [](char32_t c) { return c < 0x80; });
}

/// Canonical decomposition (NFD).
std::u32string decomposed(std::u32string_view text) {
  if (is_ascii(text)) return std::u32string(text);
  const std::string bytes = encode_utf8(text);
  const auto* data = reinterpret_cast<const utf8proc_uint8_t*>(bytes.data());
  const auto size = static_cast<utf8proc_ssize_t>(bytes.size());
  const auto options = static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_DECOMPOSE);
  const auto count = utf8proc_decompose(data, size, nullptr, 0, options);
  if (count < 0) throw std::bad_alloc();  // the bytes are valid UTF-8, so only a size beyond SSIZE_MAX remains
  std::vector<utf8proc_int32_t> points(static_cast<std::size_t>(count) + 1);
  utf8proc_decompose(data, size, points.data(), count, options);
  const auto kept = utf8proc_normalize_utf32(points.data(), count, options);
  return {points.begin(), points.begin() + kept};
}

std::u32string without_accents(std::u32string_view word) {
  std::u32string text = decomposed(word);
  std::erase_if(text, [](char32_t c) { return category(c) == UTF8PROC_CATEGORY_MN; });
  return text;
}

/// Lower case as Python's: U+0130 becomes an "i" with a dot above, two code points.
std::u32string lowered_text(std::u32string_view text) {
  constexpr char32_t kDottedCapital = 0x130, kDotAbove = 0x307;
  std::u32string result;
  for (const char32_t c : text) {
    result += lowered(c);
    if (c == kDottedCapital) result += kDotAbove;
  }
  return result;
}

void append_split_at_punctuation(std::u32string_view word, std::vector<std::u32string>& words) {
  bool starts_word = true;
  for (const char32_t c : word) {
    if (is_space(c)) {  // accents gone, a word may fall apart
      starts_word = true;
    } else if (is_punctuation(c)) {
      words.emplace_back(1, c);
      starts_word = true;
    } else {
      if (starts_word) words.emplace_back();
      words.back() += c;
      starts_word = false;
    }
  }
}

}  // namespace

char32_t lowered(char32_t c) { return static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c))); }

bool is_word_character(char32_t c) {
  const auto kind = category(c);
  return c == U'_' || (kind >= UTF8PROC_CATEGORY_LU && kind <= UTF8PROC_CATEGORY_NO);
}

bool has_words(std::string_view utf8) {
  const auto text = decode_utf8(utf8);
  return std::any_of(text.begin(), text.end(), [](char32_t c) { return !is_dropped(c) && !is_space(c); });
}

std::vector<std::u32string> split_words(std::u32string_view text, const WordRules& rules) {
  const auto is_whole = [&](std::u32string_view word) {
    return std::find(rules.whole.begin(), rules.whole.end(), word) != rules.whole.end();
  };
  std::u32string clean;
  for (const char32_t c : text) {
    if (is_dropped(c)) continue;
    if (rules.split_ideographs && is_cjk(c))
      clean += {U' ', c, U' '};
    else
      clean += c;
  }
  std::vector<std::u32string> words;
  for (std::size_t begin = 0; begin < clean.size();) {
    const auto end = static_cast<std::size_t>(
        std::find_if(clean.begin() + std::ptrdiff_t(begin), clean.end(), is_space) - clean.begin());
    std::u32string word = clean.substr(begin, end - begin);
    begin = end + 1;
    if (is_whole(word)) {
      words.push_back(std::move(word));
      continue;
    }
    if (rules.lower_case) word = lowered_text(word);
    if (rules.strip_accents) word = without_accents(word);
    append_split_at_punctuation(word, words);
  }
  return words;
}

}  // namespace kuda
