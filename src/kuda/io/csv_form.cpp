#include "kuda/io/csv_form.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <span>
#include <string_view>

#include "kuda/base/error.h"
#include "kuda/base/utf8.h"
#include "kuda/io/file_kind.h"

namespace kuda::io {
namespace {

using std::string_view_literals::operator""sv;

constexpr std::string_view kUtf8Mark = "\xEF\xBB\xBF"sv;
/// Bytes that are no table, by how they begin.
void refuse_other_formats(std::string_view text, const std::string& name) {
  if (text.starts_with("\xFF\xFE\0\0"sv) || text.starts_with("\0\0\xFE\xFF"sv))
    throw FormatError(name + ": expected a table as text, found UTF-32", "iconv -f UTF-32 -t UTF-8 FILE > label.csv");
  if (const auto kind = recognise(std::as_bytes(std::span(text)), name, FileUse::table))
    throw FormatError(fmt::format("{}: expected a table as text, found {}", name, kind->name), kind->hint);
}

std::string utf16_to_utf8(std::string_view bytes, bool is_big_endian, const std::string& name) {
  if (bytes.size() % 2 != 0) throw FormatError(fmt::format("{}: byte {}: UTF-16 is cut short", name, bytes.size()));
  const auto unit = [&](std::size_t at) {
    const auto first = static_cast<unsigned char>(bytes[at]), second = static_cast<unsigned char>(bytes[at + 1]);
    return static_cast<char32_t>(is_big_endian ? first << 8 | second : second << 8 | first);
  };
  std::string text;
  for (std::size_t at = 0; at < bytes.size(); at += 2) {
    char32_t point = unit(at);
    if (point >= 0xD800 && point < 0xDC00 && at + 2 < bytes.size())
      if (const char32_t low = unit(at + 2); low >= 0xDC00 && low < 0xE000) {
        point = 0x10000 + ((point - 0xD800) << 10U) + (low - 0xDC00);
        at += 2;
      }
    append_utf8(text, point);  // a lone surrogate becomes U+FFFD
  }
  return text;
}

/// What the first line holds outside quotes.
struct FirstLine {
  std::map<char, std::size_t> separators;
  std::map<char, std::size_t> before_space;  ///< separators that a space follows
  bool ends_with_cr = false;
};

FirstLine look_at(std::string_view text) {
  FirstLine line;
  bool is_quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char letter = text[i], next = i + 1 < text.size() ? text[i + 1] : '\0';
    if (letter == '"') is_quoted = !is_quoted;
    if (is_quoted) continue;
    line.ends_with_cr = letter == '\r' && next != '\n';
    if (letter == '\n' || letter == '\r') break;
    if (std::string_view(",;\t|").find(letter) == std::string_view::npos) continue;
    ++line.separators[letter];
    if (next == ' ') ++line.before_space[letter];
  }
  return line;
}

std::string describe(char separator) { return separator == '\t' ? "tabs" : fmt::format("'{}'", separator); }

/// Excel's first line "sep=;", which names the separator.
bool take_separator_line(std::string& text, CsvForm& form) {
  if (!text.starts_with("sep=") || text.size() < 6 || (text[5] != '\n' && text[5] != '\r')) return false;
  form.separator = text[4];
  text.erase(0, text.substr(5).starts_with("\r\n") ? 7 : 6);
  form.first_line = 2;
  return true;
}

}  // namespace

CsvForm find_csv_form(std::string& text, const std::string& name) {
  refuse_other_formats(text, name);
  CsvForm form;
  if (text.starts_with("\xFF\xFE"sv) || text.starts_with("\xFE\xFF"sv)) {
    text = utf16_to_utf8(std::string_view(text).substr(2), text.front() == '\xFE', name);
    form.notes.emplace_back("read as UTF-16");
  }
  while (text.starts_with(kUtf8Mark)) text.erase(0, kUtf8Mark.size());  // some programs write it twice
  if (const auto zero = text.find('\0'); zero != std::string::npos) {
    const auto start = std::string_view(text).substr(0, 256);
    if (4 * std::count(start.begin(), start.end(), '\0') > std::ptrdiff_t(start.size()))
      throw FormatError(fmt::format("{}: expected a table as text, found zero bytes", name),
                        "if it is UTF-16 without a mark: iconv -f UTF-16LE -t UTF-8 FILE > label.csv");
    const auto line = 1 + std::count(text.begin(), text.begin() + std::ptrdiff_t(zero), '\n');
    throw FormatError(fmt::format("{}: line {}: a zero byte, which no text has", name, line),
                      "leave it out: tr -d '\\000' < FILE > NEW.csv");
  }
  const bool is_named = take_separator_line(text, form);
  const FirstLine line = look_at(std::string_view(text).substr(std::min(text.find_first_not_of("\r\n"), text.size())));
  std::size_t most = 0;
  if (!is_named)
    for (const char separator : {',', ';', '\t', '|'})
      if (const auto found = line.separators.find(separator); found != line.separators.end() && found->second > most) {
        form.separator = separator;
        most = found->second;
      }
  if (form.separator != ',') form.notes.push_back("separated by " + describe(form.separator));
  form.ends_with_cr = line.ends_with_cr;
  const auto all = line.separators.find(form.separator), spaced = line.before_space.find(form.separator);
  form.skips_spaces =
      all != line.separators.end() && spaced != line.before_space.end() && spaced->second == all->second;
  return form;
}

}  // namespace kuda::io
