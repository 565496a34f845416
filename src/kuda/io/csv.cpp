#include "kuda/io/csv.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>
#include <span>
#include <utility>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/base/names.h"
#include "kuda/base/utf8.h"
#include "kuda/io/csv_form.h"
#include "kuda/io/pickle/pickle_cursor.h"

namespace kuda::io {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

class CsvReader {
 public:
  CsvReader(std::string_view text, const std::string& name, const CsvForm& form = {})
      : text_(text),
        name_(name),
        separator_(form.separator),
        cell_ends_({form.separator, '\n'}),
        ends_with_cr_(form.ends_with_cr),
        skips_spaces_(form.skips_spaces),
        line_(form.first_line) {
    if (ends_with_cr_) cell_ends_ += '\r';
  }

  /// The cells of the next line that is not empty (memory for `expected`); nothing at the end. `line()` is where it
  /// started.
  std::optional<std::vector<std::string>> next_row(std::size_t expected = 0) {
    while (at_ < text_.size() && take_line_end()) {
    }
    if (at_ == text_.size()) return std::nullopt;
    row_line_ = line_;
    std::vector<std::string> cells;
    cells.reserve(expected);
    cells.push_back(cell());
    while (at_ < text_.size() && !take_line_end()) {
      ++at_;  // the separator: a cell ends at nothing else
      cells.push_back(cell());
    }
    return cells;
  }

  [[nodiscard]] std::size_t line() const noexcept { return row_line_; }

  [[noreturn]] void fail(std::size_t line, const std::string& message, const std::string& hint = {}) const {
    throw FormatError(fmt::format("{}: line {}: {}", name_, line, message), hint);
  }

 private:
  bool take_line_end() {
    const auto rest = text_.substr(at_);
    const std::size_t length = rest.starts_with("\r\n") ? 2 : is_line_end(rest) ? 1 : 0;
    at_ += length;
    if (length != 0) ++line_;
    return length != 0;
  }

  [[nodiscard]] bool is_line_end(std::string_view rest) const {
    return rest.starts_with('\n') || (ends_with_cr_ && rest.starts_with('\r'));
  }

  [[nodiscard]] bool at_cell_end() const {
    const auto rest = text_.substr(at_);
    return rest.empty() || rest.starts_with(separator_) || is_line_end(rest) || rest.starts_with("\r\n");
  }

  std::string cell() {
    while (skips_spaces_ && at_ < text_.size() && text_[at_] == ' ') ++at_;
    std::string raw = at_ < text_.size() && text_[at_] == '"' ? quoted_cell() : plain_cell();
    auto clean = clean_utf8(raw);
    if (!clean || *clean != raw)
      fail(line_, fmt::format("'{}' is not UTF-8", printable(raw)),
           "save the table as UTF-8; of a Chinese Windows: iconv -f GB18030 -t UTF-8 FILE > label.csv; of a western "
           "one: "
           "-f CP1252");
    return std::move(*clean);
  }

  std::string plain_cell() {  // a quote inside is taken as it is, as Python does
    const std::size_t start = at_;
    at_ = std::min(text_.find_first_of(cell_ends_, start), text_.size());
    if (at_ > start && text_.substr(at_ - 1).starts_with("\r\n")) --at_;
    return std::string(text_.substr(start, at_ - start));
  }

  std::string quoted_cell() {
    const std::size_t start_line = line_;
    std::string value;
    for (++at_;; ++at_) {
      if (at_ == text_.size()) fail(start_line, "a quoted cell never ends");
      if (text_[at_] == '\n') ++line_;
      if (text_[at_] == '"') {
        ++at_;
        if (at_ == text_.size() || text_[at_] != '"') break;  // not a doubled quote
      }
      value += text_[at_];
    }
    if (!at_cell_end()) fail(line_, "text after the closing quote of a cell", "a quote inside a cell is written twice");
    return value;
  }

  std::string_view text_;
  const std::string& name_;
  char separator_;
  std::string cell_ends_;  ///< of a cell without quotes
  bool ends_with_cr_, skips_spaces_;
  std::size_t at_ = 0, line_, row_line_ = 1;
};

/// Without spaces at both ends, also those that do not break (of word processors).
std::string trimmed(std::string text) {
  constexpr std::string_view kNoBreak = "\xC2\xA0";
  for (auto at = text.find(kNoBreak); at != std::string::npos; at = text.find(kNoBreak)) text.replace(at, 2, " ");
  const auto first = text.find_first_not_of(" \t");
  return first == std::string::npos ? std::string() : text.substr(first, text.find_last_not_of(" \t") + 1 - first);
}

using Row = std::vector<std::string>;

bool is_empty(std::span<const std::string> cells) {
  return std::all_of(cells.begin(), cells.end(), [](const std::string& cell) { return trimmed(cell).empty(); });
}

Row read_header(CsvReader& reader, bool is_trimmed) {
  auto header = reader.next_row();
  if (!header) reader.fail(1, "the table is empty: expected a line with the names of the columns");
  if (is_trimmed)
    for (std::string& column : *header) column = trimmed(column);
  std::set<std::string_view> names;
  for (const std::string& column : *header)
    if (!column.empty() && !names.insert(column).second)
      reader.fail(reader.line(), fmt::format("column '{}' comes twice", printable(column)));
  return std::move(*header);
}

void read_rows(CsvReader& reader, CsvTable& table, bool may_be_longer) {
  const std::size_t columns = table.header.size();
  while (auto row = reader.next_row(columns)) {
    if (may_be_longer && row->size() > columns && is_empty(std::span(*row).subspan(columns))) row->resize(columns);
    if (row->size() != columns)
      reader.fail(reader.line(), fmt::format("expected {} cells, found {}", columns, row->size()),
                  row->size() > columns ? "cells with the separator in them need quotes"
                                        : "each row has a cell for each name of the first line");
    table.rows.push_back(std::move(*row));
    table.lines.push_back(reader.line());
  }
}

}  // namespace

bool CsvTable::has_column(std::string_view name) const noexcept {
  return std::find(header.begin(), header.end(), name) != header.end();
}

std::size_t CsvTable::column(std::string_view name) const {
  const auto found = std::find(header.begin(), header.end(), name);
  if (found != header.end()) return static_cast<std::size_t>(found - header.begin());
  const auto nearest = nearest_name(name, header);
  throw DataError(fmt::format("{}: no column '{}', found: {}", path.string(), name, join(header)),
                  nearest.empty() ? "" : fmt::format("did you mean '{}'?", nearest));
}

float CsvTable::number(std::size_t row, std::size_t column) const {
  const std::string& cell = rows[row][column];
  float value = 0;
  const auto [end, code] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
  if (code != std::errc() || end != cell.data() + cell.size()) throw wrong(row, column, "a number");
  return value;
}

DataError CsvTable::wrong(std::size_t row, std::size_t column, std::string_view expected, std::string hint) const {
  return DataError(fmt::format("{}:{}: {}: expected {}, found '{}'", path.string(), lines[row], header[column],
                               expected, rows[row][column]),
                   std::move(hint));
}

CsvTable parse_csv(std::string_view text, const std::string& name) {
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  CsvReader reader(text, name);
  CsvTable table;
  table.path = name;
  table.header = read_header(reader, false);
  read_rows(reader, table, false);
  return table;
}

CsvTable parse_any_csv(std::string text, const std::string& name) {
  const CsvForm form = find_csv_form(text, name);
  CsvReader reader(text, name, form);
  CsvTable table;
  table.path = name;
  table.notes = form.notes;
  table.header = read_header(reader, true);
  read_rows(reader, table, true);
  while (!table.rows.empty() && is_empty(table.rows.back())) {
    table.rows.pop_back();
    table.lines.pop_back();
  }
  return table;
}

CsvTable read_csv(const std::filesystem::path& path) {
  const auto file = MappedFile::open(path);
  const auto bytes = file->bytes();
  return parse_csv({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path.string());
}

CsvTable read_any_csv(const std::filesystem::path& path) { return parse_any_csv(read_file(path), path.string()); }

std::string csv_line(const std::vector<std::string>& cells) {
  if (cells.size() == 1 && cells[0].empty()) return "\"\"\n";  // a bare empty line would be skipped
  std::string line;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (i != 0) line += ',';
    if (cells[i].find_first_of(",\"\r\n") == std::string::npos && !cells[i].starts_with(kByteOrderMark)) {
      line += cells[i];
      continue;
    }
    line += '"';
    for (const char letter : cells[i]) line.append(letter == '"' ? 2 : 1, letter);
    line += '"';
  }
  return line + '\n';
}

}  // namespace kuda::io
