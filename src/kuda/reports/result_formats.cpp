#include "kuda/reports/result_formats.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <span>

#include "kuda/base/file.h"
#include "kuda/base/names.h"
#include "kuda/base/table.h"
#include "kuda/io/csv.h"

namespace kuda {
namespace {

std::string yes(bool value) { return value ? "yes" : "no"; }

std::string escaped(const std::string& text, const std::map<char, std::string>& replacements) {
  std::string result;
  for (const char c : text) {
    const auto found = replacements.find(c);
    if (found == replacements.end())
      result += c;
    else
      result += found->second;
  }
  return result;
}

/// A fraction in percent, rounded to two places and printed as Python prints a float: "50.0", "33.33", "nan".
std::string percent_as_python(double fraction) {
  const auto text = fmt::format("{}", std::round(1e4 * fraction) / 100);
  return std::isfinite(fraction) && text.find('.') == std::string::npos ? text + ".0" : text;
}

bool has_tests(const ResultTable& table) {
  return std::any_of(table.references.begin(), table.references.end(), [](const auto& name) { return !name.empty(); });
}

/// The one system all columns are tested against; empty where each column has its own.
std::string named_reference(const ResultTable& table) {
  std::string name;
  for (const auto& reference : table.references) {
    if (reference.empty()) continue;
    if (!name.empty() && name != reference) return "";
    name = reference;
  }
  return name;
}

std::string tests_sentence(const ResultTable& table) {
  const auto reference = named_reference(table);
  return fmt::format(
      "~ not separable from {}: paired test over the {} clips, all seeds of a clip together (permutation; McNemar for "
      "accuracies of single seeds), Holm over {} comparison{} a column, corrected p >= {}. F1 is not tested.",
      reference.empty() ? "the best system of the column" : reference, table.num_clips, table.num_hypotheses,
      table.num_hypotheses == 1 ? "" : "s", kSignificance);
}

std::string latex_cell(const MetricColumn& column, const ResultCell& cell) {
  auto text = format_metric(column.metric, cell.seeds.mean);
  if (cell.is_best) text = "\\textbf{" + text + "}";
  if (!std::isnan(cell.seeds.deviation))
    text += " {\\scriptsize$\\pm$" + format_metric(column.metric, cell.seeds.deviation) + "}";
  if (cell.is_not_separable()) text += "$^{\\dagger}$";
  return text == "-" ? "--" : text;
}

std::string seeds_of(const ResultRow& row) { return row.num_seeds == 0 ? "-" : std::to_string(row.num_seeds); }

/// One line, whatever names are in it.
std::string latex_comment(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return c < 0x20; }, ' ');
  return "% " + text + "\n";
}

std::string latex_table(const ResultTable& table) {
  auto text = latex_comment(fmt::format("{}, {} split, {} clips, data fingerprint {}", table.title,
                                        split_name(table.split), table.num_clips, table.facts.data_fingerprint));
  for (const auto& line : legend_of(table)) text += latex_comment(line);
  text += fmt::format("\\begin{{tabular}}{{lr{}}}\n\\toprule\n{} & seeds", std::string(table.columns.size(), 'r'),
                      latex_text(table.title));
  for (const auto& column : table.columns)
    text += fmt::format(" & {} ${}$", latex_text(column.title), column.metric == "MAE" ? "\\downarrow" : "\\uparrow");
  text += " \\\\\n\\midrule\n";
  bool is_below_systems = false;
  for (const auto& row : table.rows) {
    if (row.is_baseline && !is_below_systems) text += "\\midrule\n";
    is_below_systems = row.is_baseline;
    text += latex_text(display_name(row)) + " & " + (row.num_seeds == 0 ? "--" : seeds_of(row));
    for (std::size_t i = 0; i < row.cells.size(); ++i) text += " & " + latex_cell(table.columns[i], row.cells[i]);
    text += " \\\\\n";
  }
  return text + "\\bottomrule\n\\end{tabular}\n";
}

}  // namespace

std::string csv_number(double value) { return std::isfinite(value) ? fmt::format("{}", value) : std::string(); }

std::vector<std::string> legend_of(const ResultTable& table) {
  std::vector<std::string> lines;
  lines.emplace_back("± is the sample standard deviation over seeds. * best system of the column.");
  if (has_tests(table)) lines.push_back(tests_sentence(table));
  if (table.facts.family == MetricFamily::sims)
    lines.emplace_back("Acc-2 and F1: positive (> 0) against the rest. Scores and labels clipped to [-1, 1].");
  else
    lines.push_back(
        fmt::format("has-0: negative against non-negative, all clips; non-0: negative against positive, {} clips.",
                    table.rows.front().cells.back().n));
  lines.insert(lines.end(), table.notes.begin(), table.notes.end());
  return lines;
}

std::string format_text(const ResultTable& table) {
  std::vector<std::string> header{"", "seeds"};
  for (const auto& column : table.columns) header.push_back(column.title);
  Table columns(header);
  bool is_below_systems = false;
  for (const auto& row : table.rows) {
    if (row.is_baseline && !is_below_systems) columns.add({"baselines"});
    is_below_systems = row.is_baseline;
    std::vector<std::string> cells{(row.is_baseline ? "  " : "") + display_name(row), seeds_of(row)};
    for (std::size_t i = 0; i < row.cells.size(); ++i)
      cells.push_back(display_value(table.columns[i], row.cells[i]) + fmt::format("{:<3}", marks_of(row.cells[i])));
    columns.add(cells);
  }
  auto text = fmt::format("{}, {} split, {} clips (data {})\n\n{}\n", table.title, split_name(table.split),
                          table.num_clips, table.facts.data_fingerprint.substr(0, 16), columns.text());
  for (const auto& line : legend_of(table)) text += line + "\n";
  return text;
}

std::string format_csv(const std::vector<ResultTable>& tables) {
  auto text =
      io::csv_line({"data",      "is_synthetic", "fingerprint", "split",     "system", "is_baseline", "chosen_on_test",
                    "metric",    "clips",        "seeds",       "mean",      "sd",     "seeds_low",   "seeds_high",
                    "clips_low", "clips_high",   "is_best",     "reference", "p",      "p_holm",      "not_separable"});
  for (const auto& table : tables)
    for (const auto& row : table.rows)
      for (std::size_t i = 0; i < row.cells.size(); ++i) {
        const auto& cell = row.cells[i];
        text += io::csv_line({table.data,
                              yes(table.facts.is_synthetic),
                              table.facts.data_fingerprint,
                              std::string(split_name(table.split)),
                              row.name,
                              yes(row.is_baseline),
                              yes(row.is_chosen_on_test),
                              table.columns[i].metric,
                              std::to_string(cell.n),
                              std::to_string(row.num_seeds),
                              csv_number(cell.seeds.mean),
                              csv_number(cell.seeds.deviation),
                              csv_number(cell.seeds.interval.low),
                              csv_number(cell.seeds.interval.high),
                              csv_number(cell.clips.low),
                              csv_number(cell.clips.high),
                              yes(cell.is_best),
                              std::isnan(cell.p) ? std::string() : table.references[i],
                              csv_number(cell.p),
                              csv_number(cell.corrected_p),
                              std::isnan(cell.corrected_p) ? std::string() : yes(cell.is_not_separable())});
      }
  return text;
}

std::string format_latex(const std::vector<ResultTable>& tables) {
  std::string text = "% Written by kuda report. Needs \\usepackage{booktabs}.\n";
  for (const auto& table : tables) text += "\n" + latex_table(table);
  return text;
}

std::string format_mmsa(const ResultTable& table) {
  static const std::vector<std::string> sims{"Mult_acc_2", "Mult_acc_3", "Mult_acc_5", "F1_score", "MAE", "Corr"};
  static const std::vector<std::string> mosi{"Has0_acc_2", "Has0_F1_score", "Non0_acc_2", "Non0_F1_score",
                                             "Mult_acc_5", "Mult_acc_7",    "MAE",        "Corr"};
  const auto& metrics = table.facts.family == MetricFamily::sims ? sims : mosi;
  std::vector<std::string> header{"Model"};
  header.insert(header.end(), metrics.begin(), metrics.end());
  auto text = io::csv_line(header);
  for (const auto& row : table.rows) {
    if (row.is_baseline) continue;
    std::vector<std::string> cells{display_name(row)};
    for (const auto& metric : metrics) {
      const auto column = std::find_if(table.columns.begin(), table.columns.end(),
                                       [&](const auto& candidate) { return candidate.metric == metric; });
      const auto& seeds = row.cells[std::size_t(column - table.columns.begin())].seeds;
      const double n = double(seeds.n), deviation = seeds.n < 2 ? 0 : seeds.deviation * std::sqrt((n - 1) / n);
      cells.push_back("(" + percent_as_python(seeds.mean) + ", " + percent_as_python(deviation) + ")");
    }
    text += io::csv_line(cells);
  }
  return text;
}

std::string html_text(const std::string& text) {
  return escaped(text, {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}, {'\'', "&#39;"}});
}

std::string latex_text(const std::string& text) {
  return escaped(text, {{'\\', "\\textbackslash{}"},
                        {'~', "\\textasciitilde{}"},
                        {'^', "\\textasciicircum{}"},
                        {'&', "\\&"},
                        {'%', "\\%"},
                        {'$', "\\$"},
                        {'#', "\\#"},
                        {'_', "\\_"},
                        {'{', "\\{"},
                        {'}', "\\}"},
                        {'<', "\\textless{}"},
                        {'>', "\\textgreater{}"},
                        {'|', "\\textbar{}"},
                        {'"', "\\textquotedbl{}"},
                        // behind the \\ of the line before, these two would be its options
                        {'[', "{[}"},
                        {'*', "{*}"},
                        {'\n', " "},
                        {'\r', " "},
                        {'\t', " "}});
}

std::string file_name(const std::string& name) {
  static const std::string kept = "-_+=.";
  std::string result;
  for (const char c : name) {
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    const bool is_kept = result.empty() ? is_plain : is_plain || kept.find(c) != std::string::npos;
    result += is_kept ? c : '_';
  }
  return result == name && !name.empty() ? result : result + "-" + sha256(name).substr(0, 6);
}

}  // namespace kuda
