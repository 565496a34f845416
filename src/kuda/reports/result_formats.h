#pragma once
// A ResultTable as files and text.
//
//   std::cout << format_text(table);
//   write_file("table.tex", format_latex({table}));

#include <string>
#include <vector>

#include "kuda/reports/result_table.h"

namespace kuda {

/// Aligned columns for a terminal, then what the marks mean and the notes. Ends with "\n".
[[nodiscard]] std::string format_text(const ResultTable& table);

/// What stands below a table: the marks, the tests, and the notes, a sentence or two each.
[[nodiscard]] std::vector<std::string> legend_of(const ResultTable& table);

/// One line per data set, system and metric, with everything a table leaves out: intervals, n, p before and after Holm.
[[nodiscard]] std::string format_csv(const std::vector<ResultTable>& tables);

/// One tabular per data set (package booktabs). The best system is bold, those not separable from it have a dagger.
[[nodiscard]] std::string format_latex(const std::vector<ResultTable>& tables);

/// The systems as MMSA's `results/normal/DATA.csv`: "(mean, std)" in percent over seeds, with the deviation of the
/// population as numpy computes it, also for MAE and Corr. MMSA's column Loss is left out: a run keeps no test loss.
[[nodiscard]] std::string format_mmsa(const ResultTable& table);

/// A number in a CSV cell; empty where it is not finite.
[[nodiscard]] std::string csv_number(double value);

/// Text with the characters escaped that HTML (also in attributes) or LaTeX reads as markup.
[[nodiscard]] std::string html_text(const std::string& text);
[[nodiscard]] std::string latex_text(const std::string& text);

/// A name as a file's name: letters, digits and '-', '_', '+', '=', '.' stay. Where something had to be replaced, six
/// digits of the name's SHA-256 follow, so that two names never share a file.
[[nodiscard]] std::string file_name(const std::string& name);

}  // namespace kuda
