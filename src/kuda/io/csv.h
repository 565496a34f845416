#pragma once
// Comma-separated tables with a header line (RFC 4180).
//
//   const CsvTable labels = read_csv("label.csv");
//   const std::size_t text = labels.column("text");
//   for (const auto& row : labels.rows) use(row[text]);

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "kuda/base/error.h"

namespace kuda::io {

/// A csv file with a header line (RFC 4180 quoting, UTF-8 with or without BOM, \n or \r\n).
struct CsvTable {
  std::filesystem::path path;
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;
  std::vector<std::size_t> lines;  ///< line of the file on which each row starts, for messages
  std::vector<std::string> notes;  ///< of read_any_csv: how the file departs from that
  [[nodiscard]] bool has_column(std::string_view name) const noexcept;
  /// Index of a column. Throws DataError naming the file, the column and the columns found.
  [[nodiscard]] std::size_t column(std::string_view name) const;
  /// A cell as the float32 that it is the text of. Throws wrong(row, column, "a number").
  [[nodiscard]] float number(std::size_t row, std::size_t column) const;
  /// The error about a cell, which names file, line, column and what is there: "label.csv:3: label: expected ..."
  [[nodiscard]] DataError wrong(std::size_t row, std::size_t column, std::string_view expected,
                                std::string hint = {}) const;
};

/// Empty lines are skipped. Throws FormatError naming file and line: a row with more or fewer cells than the header,
/// a quote that never closes, text after a closing quote, bytes that are not UTF-8, no header, a name twice.
[[nodiscard]] CsvTable read_csv(const std::filesystem::path& path);
/// The same from text; `name` stands for the file in messages.
[[nodiscard]] CsvTable parse_csv(std::string_view text, const std::string& name);

/// A table of somebody else, as spreadsheets and scripts leave them: any separator, line end and mark of io/csv_form.h,
/// names without spaces around them. Empty cells beyond the header and rows of empty cells at the end do not count.
[[nodiscard]] CsvTable read_any_csv(const std::filesystem::path& path);
[[nodiscard]] CsvTable parse_any_csv(std::string text, const std::string& name);

/// One csv line with quoting where needed, ending in \n.
[[nodiscard]] std::string csv_line(const std::vector<std::string>& cells);

}  // namespace kuda::io
