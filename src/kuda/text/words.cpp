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

/// One code point to one; U+0130 becomes "i" here and "i" with a dot in Python, which stripping accents removes.
char32_t lowered(char32_t c) { return static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c))); }

bool is_ascii(std::u32string_view text) {
  return std::all_of(text.begin(), text.end(), [](char32_t c) { return c < 0x80; });
}

/// Canonical composition (NFC) or decomposition (NFD).
std::u32string normalised(std::u32string_view text, bool compose) {
  if (is_ascii(text)) return std::u32string(text);
  const std::string bytes = encode_utf8(text);
  const auto* data = reinterpret_cast<const utf8proc_uint8_t*>(bytes.data());
  const auto size = static_cast<utf8proc_ssize_t>(bytes.size());
  const auto options =
      static_cast<utf8proc_option_t>(UTF8PROC_STABLE | (compose ? UTF8PROC_COMPOSE : UTF8PROC_DECOMPOSE));
  const auto count = utf8proc_decompose(data, size, nullptr, 0, options);
  if (count < 0) throw std::bad_alloc();  // the bytes are valid UTF-8, so only a size beyond SSIZE_MAX remains
  std::vector<utf8proc_int32_t> points(static_cast<std::size_t>(count) + 1);
  utf8proc_decompose(data, size, points.data(), count, options);
  const auto kept = utf8proc_normalize_utf32(points.data(), count, options);
  return {points.begin(), points.begin() + kept};
}

std::u32string without_accents(std::u32string_view word) {
  std::u32string text = normalised(word, false);
  std::erase_if(text, [](char32_t c) { return category(c) == UTF8PROC_CATEGORY_MN; });
  return text;
}

bool is_special(std::u32string_view word) {
  return std::find(kSpecialWords.begin(), kSpecialWords.end(), word) != kSpecialWords.end();
}

/// The special word that starts at `at`; empty when none does.
std::u32string_view special_at(std::u32string_view text, std::size_t at) {
  for (const auto special : kSpecialWords)
    if (text.substr(at, special.size()) == special) return special;
  return {};
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

/// Words of a stretch of text without special words.
void append_words(std::u32string_view text, bool lower_case, std::vector<std::u32string>& words) {
  std::u32string clean;
  for (const char32_t raw : text) {
    const char32_t c = lower_case ? lowered(raw) : raw;
    if (is_dropped(c)) continue;
    if (is_cjk(c))
      clean += {U' ', c, U' '};
    else
      clean += c;
  }
  clean = normalised(clean, true);
  for (std::size_t begin = 0; begin < clean.size();) {
    const auto end = static_cast<std::size_t>(
        std::find_if(clean.begin() + std::ptrdiff_t(begin), clean.end(), is_space) - clean.begin());
    const std::u32string_view word = std::u32string_view(clean).substr(begin, end - begin);
    if (is_special(word))  // only now, where a control character stood inside
      words.emplace_back(word);
    else
      append_split_at_punctuation(lower_case ? without_accents(word) : std::u32string(word), words);
    begin = end + 1;
  }
}

}  // namespace

std::vector<std::u32string> split_words(std::u32string_view text, bool lower_case) {
  std::vector<std::u32string> words;
  std::size_t begin = 0;
  for (std::size_t at = 0; at < text.size();) {
    const auto special = text[at] == U'[' ? special_at(text, at) : std::u32string_view();
    if (special.empty()) {
      ++at;
      continue;
    }
    append_words(text.substr(begin, at - begin), lower_case, words);
    words.emplace_back(special);
    begin = at += special.size();
  }
  append_words(text.substr(begin), lower_case, words);
  return words;
}

}  // namespace kuda
