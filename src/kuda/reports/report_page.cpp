#include "kuda/reports/report_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "kuda/base/names.h"
#include "kuda/reports/result_formats.h"
#include "kuda/reports/run_json.h"

namespace kuda {
namespace {

constexpr std::size_t kLargestErrors = 10;

constexpr const char* kStyle = R"(
:root { color-scheme: light; --line: #d8d8d8; --soft: #f4f6f9; --accent: #1f5fa8; }
* { box-sizing: border-box; }
body { font: 15px/1.5 system-ui, sans-serif; color: #222; background: #fff; margin: 2rem auto; max-width: 76rem; padding: 0 1.2rem; }
h1 { font-size: 1.6rem; } h2 { margin-top: 2.6rem; border-bottom: 2px solid var(--accent); padding-bottom: .2rem; }
h3 { margin: 1.6rem 0 .4rem; } code { background: var(--soft); padding: 0 .25em; border-radius: 3px; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: .6rem 0; font-size: .92em; }
th, td { padding: .28rem .7rem; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
th:first-child, td:first-child, .text td, .text th { text-align: left; }
.text td { white-space: normal; overflow-wrap: anywhere; }
thead th { border-bottom: 2px solid #888; } tr.first-baseline td { border-top: 2px solid #888; } tr.baseline { color: #666; }
td.best { font-weight: 700; } td .mark { color: var(--accent); }
.warning { background: #fff3cd; border-left: 4px solid #d39e00; padding: .4rem .8rem; }
.facts { color: #555; overflow-wrap: anywhere; } ul { padding-left: 1.2rem; }
.figures { display: grid; grid-template-columns: repeat(auto-fill, minmax(22rem, 1fr)); gap: 1rem; }
figure { margin: 0 0 1rem; } figure img { width: 100%; height: auto; border: 1px solid var(--line); }
figcaption { font-size: .85em; color: #555; } .wide { max-width: 52rem; } .narrow { max-width: 30rem; }
details { border: 1px solid var(--line); border-radius: 6px; padding: .5rem .9rem; margin: .6rem 0; }
summary { cursor: pointer; font-weight: 600; }
)";

const std::vector<std::pair<std::string, std::string>>& definitions(MetricFamily family) {
  static const std::vector<std::pair<std::string, std::string>> mosi{
      {"MAE", "Mean absolute error; lower is better."},
      {"Corr", "Pearson correlation of scores and labels; undefined for a constant predictor."},
      {"Acc-7", "Scores and labels clipped to [-3, 3] and rounded, halves to even; share of equal classes."},
      {"Acc-5", "The same with [-2, 2]."},
      {"Acc-2 has-0", "Negative against non-negative (0 is non-negative); all clips."},
      {"F1 has-0", "F1 of these two classes, weighted by label counts."},
      {"Acc-2 non-0", "Negative against positive; clips whose label is 0 are left out."},
      {"F1 non-0", "F1 of these two classes, weighted by label counts."}};
  static const std::vector<std::pair<std::string, std::string>> sims{
      {"MAE", "Mean absolute error, scores and labels clipped to [-1, 1], as everywhere below; lower is better."},
      {"Corr", "Pearson correlation of scores and labels; undefined for a constant predictor."},
      {"Acc-5", "Classes up to -0.7, -0.1, 0.1, 0.7 and above; a border belongs to the class below it."},
      {"Acc-3", "Classes up to -0.1, 0.1 and above."},
      {"Acc-2", "Positive (> 0) against the rest (0 belongs to the rest); all clips."},
      {"F1", "F1 of these two classes, weighted by label counts."}};
  return family == MetricFamily::mosi ? mosi : sims;
}

std::string paragraph(const std::string& text, const std::string& kind = "") {
  return fmt::format("<p{}>{}</p>\n", kind.empty() ? "" : " class=\"" + kind + "\"", html_text(text));
}

std::string cells(const std::vector<std::string>& texts, const char* tag) {
  std::string row;
  for (const auto& text : texts) row += fmt::format("<{0}>{1}</{0}>", tag, html_text(text));
  return "<tr>" + row + "</tr>\n";
}

std::string text_table(const std::vector<std::string>& header, const std::vector<std::vector<std::string>>& rows) {
  auto html = "<div class=\"scroll\"><table class=\"text\"><thead>" + cells(header, "th") + "</thead><tbody>\n";
  for (const auto& row : rows) html += cells(row, "td");
  return html + "</tbody></table></div>\n";
}

/// The same with the header as its first row.
std::string text_table(const std::vector<std::vector<std::string>>& rows) {
  return text_table(rows.front(), std::vector<std::vector<std::string>>(rows.begin() + 1, rows.end()));
}

/// An image inside the page. As a file of its own kind, so that names within one figure do not meet those of another.
std::string image(const Figure& figure, const std::string& kind = "") {
  if (figure.svg.empty()) return paragraph(figure.caption + " Not drawn: see figures/" + figure.name + ".gp.", "facts");
  std::string data;
  for (const char c : figure.svg) {
    const auto byte = static_cast<unsigned char>(c);
    const bool is_plain =
        byte > 0x20 && byte < 0x7f && std::string_view("\"'%#<>&`?{}|\\^[]").find(c) == std::string_view::npos;
    data += is_plain ? std::string(1, c) : c == ' ' ? std::string(" ") : fmt::format("%{:02X}", byte);
  }
  return fmt::format("<figure{}><img alt=\"{}\" src=\"data:image/svg+xml,{}\"><figcaption>{}</figcaption></figure>\n",
                     kind.empty() ? "" : " class=\"" + kind + "\"", html_text(figure.caption), data,
                     html_text(figure.caption));
}

std::string result_table(const ResultTable& table) {
  std::string html = "<div class=\"scroll\"><table><thead><tr><th>system</th><th>seeds</th>";
  for (const auto& column : table.columns)
    html += fmt::format("<th>{} {}</th>", html_text(column.title), column.metric == "MAE" ? "↓" : "↑");
  html += "</tr></thead><tbody>\n";
  bool is_below_systems = false;
  for (const auto& row : table.rows) {
    const bool is_first = row.is_baseline && !is_below_systems;
    is_below_systems = row.is_baseline;
    html += fmt::format("<tr{}><td>{}</td><td>{}</td>",
                        is_first          ? " class=\"baseline first-baseline\""
                        : row.is_baseline ? " class=\"baseline\""
                                          : "",
                        html_text(display_name(row)), row.num_seeds == 0 ? "" : std::to_string(row.num_seeds));
    for (std::size_t i = 0; i < row.cells.size(); ++i) {
      const auto& cell = row.cells[i];
      const auto& column = table.columns[i];
      const auto marks = marks_of(cell);
      auto title = fmt::format("n = {} clips", cell.n);
      if (!std::isnan(cell.seeds.interval.low))
        title += fmt::format("; 95 % over seeds {} to {}", format_metric(column.metric, cell.seeds.interval.low),
                             format_metric(column.metric, cell.seeds.interval.high));
      if (!std::isnan(cell.clips.low))
        title += fmt::format("; 95 % over clips {} to {}", format_metric(column.metric, cell.clips.low),
                             format_metric(column.metric, cell.clips.high));
      if (!std::isnan(cell.corrected_p))
        title += fmt::format("; p against {} {:.3g}, after Holm {:.3g}", table.references[i], cell.p, cell.corrected_p);
      html += fmt::format("<td{} title=\"{}\">{}{}</td>", cell.is_best ? " class=\"best\"" : "", html_text(title),
                          html_text(display_value(column, cell)),
                          marks.empty() ? "" : "<span class=\"mark\">" + marks + "</span>");
    }
    html += "</tr>\n";
  }
  return html + "</tbody></table></div>\n";
}

std::string number(double value, const char* format) {
  return std::isnan(value) ? "-" : fmt::format(fmt::runtime(format), value);
}

std::string of_each(const PerModality<double>& values, const char* format) {
  std::vector<std::string> numbers;
  for (const double value : values) numbers.push_back(number(value, format));
  return join(numbers, " / ");
}

/// The clips on which the seeds of a system are wrong by most, in the mean.
std::string largest_errors(const DataSetRuns& data, const SystemRuns& system) {
  struct ClipError {
    std::size_t clip;
    double error, score, low, high;
  };
  std::vector<ClipError> errors;
  for (std::size_t i = 0; i < data.ids.size(); ++i) {
    ClipError entry{i, 0, 0, system.scores[0][i], system.scores[0][i]};
    for (const auto& scores : system.scores) {
      const double score = scores[i];
      entry.error += std::abs(score - double(data.labels[i])) / double(system.scores.size());
      entry.score += score / double(system.scores.size());
      entry.low = std::min(entry.low, score);
      entry.high = std::max(entry.high, score);
    }
    errors.push_back(entry);
  }
  std::stable_sort(errors.begin(), errors.end(), [](const auto& a, const auto& b) { return a.error > b.error; });
  errors.resize(std::min(errors.size(), kLargestErrors));
  std::vector<std::string> header{"clip", "label", "mean score", "scores of the seeds", "mean absolute error"};
  const auto parts = clip_parts(system);
  if (!parts.empty())
    for (const char* title : {"ratio T / V / A", "parts T / V / A", "correction"}) header.emplace_back(title);
  std::vector<std::vector<std::string>> rows;
  for (const auto& entry : errors) {
    auto& row = rows.emplace_back(std::vector<std::string>{
        data.ids[entry.clip], fmt::format("{}", data.labels[entry.clip]), fmt::format("{:.3f}", entry.score),
        fmt::format("{:.3f} to {:.3f}", entry.low, entry.high), fmt::format("{:.3f}", entry.error)});
    if (parts.empty()) continue;
    const auto& [ratio, sums, correction] = parts[entry.clip];
    row.push_back(of_each(ratio, "{:.2f}"));
    row.push_back(of_each(sums, "{:+.3f}"));
    row.push_back(number(correction, "{:+.3f}"));
  }
  return "<h4>Largest errors</h4>\n" + text_table(header, rows);
}

std::string run_facts(const DataSetRuns& data) {
  std::vector<std::vector<std::string>> rows;
  std::map<std::string, std::vector<std::string>> notes;
  for (const auto& system : data.systems)
    for (const auto& run : system.runs) {
      const auto object = run_json(run);
      const auto& facts = run.report.facts;
      rows.push_back({system.name, std::to_string(facts.seed),
                      fmt::format("{} of {}, {}", facts.chosen_epoch, facts.epochs, facts.select),
                      text_at(object, "/training_seconds"),
                      text_at(object, "/versions/kuda") + " " + text_at(object, "/versions/revision"),
                      text_at(object, "/versions/libtorch"),
                      text_at(object, "/device") + ", " + text_at(object, "/threads") + " threads",
                      facts.data_fingerprint.substr(0, 16), run.folder.string()});
      if (object.contains("notes"))
        for (const auto& note : object["notes"])
          if (note.is_string()) notes[note].push_back(fmt::format("{} seed {}", system.name, facts.seed));
    }
  auto html =
      text_table({"system", "seed", "epoch", "training s", "kuda", "LibTorch", "device", "data", "folder"}, rows);
  if (notes.empty()) return html;
  html += "<h4>Notes of the runs</h4>\n<ul>\n";
  for (const auto& [note, runs] : notes)
    html += fmt::format("<li>{} <span class=\"facts\">({} of {} runs)</span></li>\n", html_text(note), runs.size(),
                        rows.size());
  return html + "</ul>\n";
}

std::string section_of(const PageSection& section) {
  const auto& data = section.data;
  const auto& table = section.table;
  auto html = fmt::format("<h2>{}</h2>\n", html_text(table.title));
  if (data.facts.is_synthetic)
    html += paragraph("Synthetic data: clips made by a written rule, not recorded.", "warning");
  for (const auto& row : table.rows)
    if (row.is_chosen_on_test && !row.is_baseline)
      html +=
          paragraph(row.name + ": its epochs were chosen on the test split. A diagnostic, not a result.", "warning");
  html += paragraph(fmt::format("{} split, {} labelled clips. Data fingerprint {}.", split_name(data.split),
                                data.ids.size(), data.facts.data_fingerprint),
                    "facts");
  html += result_table(table) + "<ul>\n";
  for (const auto& line : legend_of(table)) html += fmt::format("<li>{}</li>\n", html_text(line));
  html += "</ul>\n";
  if (section.conflict) {
    html += "<h3>MAE by conflict</h3>\n" + text_table(subset_cells(*section.conflict)) +
            paragraph(subsets_legend(), "facts");
    if (const auto note = small_subsets_note(section.conflict->num_clips); !note.empty())
      html += paragraph(note, "facts");
  }
  if (section.parts)
    html += "<h3>Parts of the score</h3>\n" + text_table(parts_cells(*section.parts)) +
            paragraph(parts_legend() + " Of every clip: parts.csv.", "facts");
  html += "<h3>Metrics with their intervals</h3>\n<div class=\"figures\">\n";
  for (const auto& figure : section.intervals) html += image(figure);
  html += "</div>\n<h3>Systems</h3>\n";
  for (std::size_t i = 0; i < data.systems.size(); ++i)
    html += fmt::format("<details{}><summary>{}</summary>\n", i == 0 ? " open" : "", html_text(data.systems[i].name)) +
            image(section.systems[i].curves, "wide") + image(section.systems[i].confusion, "narrow") +
            largest_errors(data, data.systems[i]) + "</details>\n";
  return html + "<h3>Runs</h3>\n" + run_facts(data);
}

std::string dominance_section(const DominanceTable& table) {
  std::string html = "<h2>Dominance benchmark (synthetic data)</h2>\n<h3>MAE</h3>\n" + text_table(mae_cells(table)) +
                     "<h3>How often the explanation names the dominant modality</h3>\n" +
                     text_table(naming_cells(table)) + "<ul>\n";
  for (const auto& line : dominance_legend(table)) html += fmt::format("<li>{}</li>\n", html_text(line));
  return html + "</ul>\n";
}

std::string definitions_of(const std::vector<PageSection>& sections) {
  std::string html = "<h2>What the numbers mean</h2>\n";
  for (const auto family : {MetricFamily::sims, MetricFamily::mosi}) {
    if (std::none_of(sections.begin(), sections.end(), [&](const auto& s) { return s.data.facts.family == family; }))
      continue;
    html += fmt::format("<h3>Metrics, family {}</h3>\n", metric_family_name(family));
    std::vector<std::vector<std::string>> rows;
    for (const auto& [name, meaning] : definitions(family)) rows.push_back({name, meaning});
    html += text_table({"metric", "definition"}, rows);
  }
  return html +
         "<h3>Baselines</h3>\n<ul>\n"
         "<li>text only: the scores of the text branch of that system, from text alone.</li>\n"
         "<li>late fusion: its unimodal scores joined with weights fitted on the validation clips (least squares), or "
         "their mean where these are too few.</li>\n"
         "<li>mean: every clip gets the mean training label. majority: for each metric the most frequent training "
         "class; for MAE the median training label.</li>\n</ul>\n"
         "<h3>Intervals and tests</h3>\n<ul>\n"
         "<li>Over seeds: 95 % interval of the mean by Student's t. It tells how much the result depends on the seed, "
         "and needs two seeds.</li>\n"
         "<li>Over clips: 95 % percentile bootstrap of the mean over seeds, 2000 resamples of the clips. It tells how "
         "much the result depends on which clips were tested.</li>\n"
         "<li>Paired test: could the two systems be exchanged on each clip? All seeds of a clip stay together. "
         "10000 permutations; for accuracies of single seeds McNemar's exact test. Seeds are taken as given: another "
         "training of the same system is not part of the test.</li>\n"
         "<li>Holm's correction over the table, a column at a time. Where the system of reference is the best one, the "
         "same clips chose it, and every pair of systems counts.</li>\n</ul>\n";
}

}  // namespace

std::string format_page(const std::vector<PageSection>& sections, const std::optional<DominanceTable>& dominance,
                        const std::vector<std::filesystem::path>& unfinished) {
  std::size_t runs = 0;
  for (const auto& section : sections)
    for (const auto& system : section.data.systems) runs += system.runs.size();
  auto html = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>kuda report</title>\n"
      "<style>{}</style>\n</head>\n<body>\n<h1>Results of {} runs</h1>\n",
      kStyle, runs);
  html +=
      "<p>Every number is computed from the run folders named below. Tables as files: <code>table.csv</code>, "
      "<code>table.tex</code>; figures with their data: <code>figures/</code>.</p>\n";
  if (!unfinished.empty()) {
    html += "<div class=\"warning\">Not finished, left out:<ul>\n";
    for (const auto& folder : unfinished) html += fmt::format("<li>{}</li>\n", html_text(folder.string()));
    html += "</ul></div>\n";
  }
  if (dominance) html += dominance_section(*dominance);
  for (const auto& section : sections) html += section_of(section);
  return html + definitions_of(sections) + "</body>\n</html>\n";
}

}  // namespace kuda
