#pragma once
// How a table of somebody else is written: found from its first bytes and its first line.
//
//   std::string text = read_file("label.csv");
//   const CsvForm form = find_csv_form(text, "label.csv");   // text is UTF-8 afterwards, without mark and "sep=" line

#include <cstddef>
#include <string>
#include <vector>

namespace kuda::io {

struct CsvForm {
  char separator = ',';
  bool ends_with_cr = false;       ///< a lone \r ends a line (old Macs); else it belongs to its cell
  bool skips_spaces = false;       ///< "a, b": spaces after a separator do not count
  std::size_t first_line = 1;      ///< of what is left of the text
  std::vector<std::string> notes;  ///< what a user might want to know: "separated by ';'"
};

/// The separator is the one of , ; tab | that stands most often in the first line, outside quotes; a line "sep=;" of
/// Excel before it counts. UTF-16 with its mark becomes UTF-8. Throws FormatError, with what to do, for spreadsheets,
/// compressed files and bytes that are no text.
[[nodiscard]] CsvForm find_csv_form(std::string& text, const std::string& name);

}  // namespace kuda::io
