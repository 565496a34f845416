#include "kuda/base/table.h"

#include <algorithm>
#include <cstdlib>

#include "kuda/base/utf8.h"

namespace kuda {

namespace {

/// "0.71", "12 %", "0.71 ± 0.02", with a mark for the reader behind it or not.
bool is_number(const std::string& cell) {
  const auto text = cell.substr(0, cell.find_last_not_of(" *~") + 1);
  if (text.empty() || text == "-" || text == "nan") return true;  // an empty cell takes part in no decision
  char* end = nullptr;
  std::strtod(text.c_str(), &end);
  const std::string rest(end);
  return end != text.c_str() && (rest.empty() || rest == " %" || rest == "%" || rest.starts_with(" ± "));
}

}  // namespace

std::size_t display_width(const std::string& text) { return count_code_points(text); }

std::string Table::text() const {
  const std::size_t columns = rows_.front().size();
  std::vector<std::size_t> width(columns, 0);
  std::vector<bool> numeric(columns, rows_.size() > 1);
  for (std::size_t row = 0; row < rows_.size(); ++row)
    for (std::size_t column = 0; column < rows_[row].size() && column < columns; ++column) {
      width[column] = std::max(width[column], display_width(rows_[row][column]));
      if (row > 0 && !is_number(rows_[row][column])) numeric[column] = false;
    }
  std::string text;
  const auto add_line = [&](const std::vector<std::string>& cells) {
    std::string line;
    for (std::size_t column = 0; column < columns; ++column) {
      const std::string cell = column < cells.size() ? cells[column] : "";
      const std::string space(width[column] - display_width(cell), ' ');
      line += (column > 0 ? "  " : "") + (numeric[column] ? space + cell : cell + space);
    }
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  };
  add_line(rows_.front());
  std::size_t total = 2 * (columns - 1);
  for (const auto size : width) total += size;
  text += std::string(total, '-') + "\n";
  for (std::size_t row = 1; row < rows_.size(); ++row) add_line(rows_[row]);
  return text;
}

}  // namespace kuda
