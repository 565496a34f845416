#include "kuda/io/csv.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/base/names.h"
#include "kuda/base/utf8.h"
#include "kuda/io/pickle/pickle_cursor.h"

namespace kuda::io {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

class CsvReader {
 public:
  CsvReader(std::string_view text, const std::string& name) : text_(text), name_(name) {}

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
      ++at_;  // the comma: a cell ends at nothing else
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
    const std::size_t length = rest.starts_with("\r\n") ? 2 : rest.starts_with('\n') ? 1 : 0;
    at_ += length;
    if (length != 0) ++line_;
    return length != 0;
  }

  [[nodiscard]] bool at_cell_end() const {
    const auto rest = text_.substr(at_);
    return rest.empty() || rest.starts_with(',') || rest.starts_with('\n') || rest.starts_with("\r\n");
  }

  std::string cell() {
    std::string raw = at_ < text_.size() && text_[at_] == '"' ? quoted_cell() : plain_cell();
    auto clean = clean_utf8(raw);
    if (!clean) fail(line_, fmt::format("'{}' is not UTF-8", printable(raw)), "save the table as UTF-8");
    return std::move(*clean);
  }

  std::string plain_cell() {  // a quote inside is taken as it is, as Python does
    const std::size_t start = at_;
    at_ = std::min(text_.find_first_of(",\n", start), text_.size());
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
  std::size_t at_ = 0, line_ = 1, row_line_ = 1;
};

}  // namespace

bool CsvTable::has_column(std::string_view name) const noexcept {
  return std::find(header.begin(), header.end(), name) != header.end();
}

std::size_t CsvTable::column(std::string_view name) const {
  const auto found = std::find(header.begin(), header.end(), name);
  if (found != header.end()) return static_cast<std::size_t>(found - header.begin());
  throw DataError(fmt::format("{}: no column '{}', found: {}", path.string(), name, join(header)),
                  suggestion(name, header));
}

CsvTable parse_csv(std::string_view text, const std::string& name) {
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  CsvReader reader(text, name);
  CsvTable table;
  table.path = name;
  auto header = reader.next_row();
  if (!header) reader.fail(1, "the table is empty: expected a line with the names of the columns");
  table.header = std::move(*header);
  std::set<std::string_view> names;
  for (const std::string& column : table.header)
    if (!column.empty() && !names.insert(column).second)
      reader.fail(reader.line(), fmt::format("column '{}' comes twice", printable(column)));
  while (auto row = reader.next_row(table.header.size())) {
    if (row->size() != table.header.size())
      reader.fail(reader.line(), fmt::format("expected {} cells, found {}", table.header.size(), row->size()),
                  "cells with commas need quotes");
    table.rows.push_back(std::move(*row));
    table.lines.push_back(reader.line());
  }
  return table;
}

CsvTable read_csv(const std::filesystem::path& path) {
  const auto file = MappedFile::open(path);
  const auto bytes = file->bytes();
  return parse_csv({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path.string());
}

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
