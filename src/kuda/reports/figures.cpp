#include "kuda/reports/figures.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "kuda/base/names.h"
#include "kuda/reports/result_formats.h"
#include "kuda/training/training_state.h"

namespace kuda {
namespace {

/// A string cell of a data file.
std::string cell(const std::string& text) {
  std::string result = "\"";
  for (const char c : text) result += c == '"' || c == '\\' ? '\'' : static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  return result + "\"";
}

std::string figure_name(const std::string& data, const std::string& kind, const std::string& of) {
  return file_name(data) + "-" + kind + "-" + file_name(of);
}

struct Classes {
  int count;
  std::vector<std::string> names;
};

Classes classes_of(MetricFamily family) {
  if (family == MetricFamily::mosi) return {7, {"-3", "-2", "-1", "0", "1", "2", "3"}};
  return {5, {"≤ -0.7", "≤ -0.1", "≤ 0.1", "≤ 0.7", "> 0.7"}};
}

/// 0 ... count - 1
std::size_t class_index(MetricFamily family, int count, float score) {
  return std::size_t(score_class(family, count, score) + (family == MetricFamily::mosi ? count / 2 : 0));
}

}  // namespace

std::string gnuplot_text(const std::string& text) {
  std::string result = "'";
  for (const char c : text) {
    if (c == '\'') result += '\'';
    result += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return result + "'";
}

std::string gnuplot_tic(const std::string& text) {
  std::string format;
  for (const char c : text) format.append(c == '%' ? 2 : 1, c);
  return gnuplot_text(format);
}

std::string gnuplot_number(double value) { return std::isfinite(value) ? fmt::format("{:.6g}", value) : "NaN"; }

FigureSource interval_figure(const ResultTable& table, std::size_t column) {
  const auto& title = table.columns[column];
  const bool is_percent = title.metric != "MAE" && title.metric != "Corr";
  const double unit = is_percent ? 100 : 1;
  FigureSource figure;
  figure.name = figure_name(table.data, "intervals", title.metric);
  figure.caption = fmt::format(
      "{}{} on {}, {} split. Point: mean over seeds; thick: 95 % interval over seeds; thin: 95 % "
      "interval over clips. Grey: baselines.",
      title.title, is_percent ? " (%)" : "", table.title, split_name(table.split));
  figure.data = "# row system mean seeds_low seeds_high clips_low clips_high is_baseline\n";
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    const auto& row = table.rows[i];
    const auto& value = row.cells[column];
    figure.data += fmt::format("{} {} {} {} {} {} {} {}\n", i, cell(display_name(row)),
                               gnuplot_number(unit * value.seeds.mean), gnuplot_number(unit * value.seeds.interval.low),
                               gnuplot_number(unit * value.seeds.interval.high), gnuplot_number(unit * value.clips.low),
                               gnuplot_number(unit * value.clips.high), row.is_baseline ? 1 : 0);
  }
  std::vector<std::string> tics;
  for (std::size_t i = 0; i < table.rows.size(); ++i)
    tics.push_back(fmt::format("{} {}", gnuplot_tic(display_name(table.rows[i])), i));
  const auto file = gnuplot_text(figure.name + ".dat");
  figure.plot = fmt::format(
      "set xlabel {}\nset ytics ({})\nset yrange [{}:-0.5]\nset grid xtics lc rgb '#dddddd'\nunset key\n"
      "set offsets graph 0.03, graph 0.03, 0, 0\nset datafile missing 'NaN'\n"
      "color(is_baseline) = is_baseline > 0 ? 0x888888 : 0x1f5fa8\n"
      "plot {} using 3:1:6:7:(color($8)) with xerrorbars pt 0 lw 1.2 lc rgb variable, \\\n"
      "     {} using 3:1:4:5:(color($8)) with xerrorbars pt 0 lw 4 lc rgb variable, \\\n"
      "     {} using 3:1:(color($8)) with points pt 7 ps 0.9 lc rgb variable\n",
      gnuplot_text(title.title + (is_percent ? " (%)" : "")), join(tics), double(table.rows.size()) - 0.5, file, file,
      file);
  figure.height = 90 + 26 * int(table.rows.size());
  return figure;
}

FigureSource curves_figure(const DataSetRuns& data, const SystemRuns& system) {
  FigureSource figure;
  figure.name = figure_name(data.name, "curves", system.name);
  figure.caption =
      fmt::format("{} on {}: training loss and validation MAE; circles: chosen epochs.", system.name, data.title());
  figure.data = "# epoch loss valid_MAE is_chosen; a block per seed\n";
  std::vector<std::string> seeds;
  std::int64_t epochs = 0;
  for (const auto& run : system.runs) {
    epochs = std::max(epochs, run.report.facts.epochs);
    seeds.push_back(std::to_string(run.report.facts.seed));
    if (seeds.size() > 1) figure.data += "\n\n";
    for (const auto& epoch : read_epochs(run.folder / "epochs.jsonl"))
      figure.data += fmt::format("{} {} {} {}\n", epoch.epoch, gnuplot_number(epoch.loss),
                                 gnuplot_number(epoch.valid_mae), epoch.epoch == run.report.facts.chosen_epoch ? 1 : 0);
  }
  const auto file = gnuplot_text(figure.name + ".dat");
  const auto panels = fmt::format(
      "set multiplot layout 1,2\nset xlabel 'epoch'\nset xtics {}\nset grid lc rgb '#dddddd'\n"
      "set offsets graph 0.03, graph 0.03, graph 0.05, graph 0.05\nset ylabel 'training loss'\nunset key\n",
      1 + epochs / 8);
  constexpr std::size_t kMostColours = 20;
  if (seeds.size() <= kMostColours)
    figure.plot = fmt::format(
        "seeds = {0}\n{1}"
        "plot for [i=0:{2}] {3} index i using 1:2 with linespoints pt 7 ps 0.3 lw 1.5 lc i+1\n"
        "set ylabel 'validation MAE'\nset key outside right top\n"
        "plot for [i=0:{2}] {3} index i using 1:3 with linespoints pt 7 ps 0.3 lw 1.5 lc i+1 title 'seed '.word(seeds, "
        "i+1), \\\n     for [i=0:{2}] {3} index i using 1:($4 > 0 ? $3 : NaN) with points pt 6 ps 1.5 lw 2 lc i+1 "
        "notitle\nunset multiplot\n",
        gnuplot_text(join(seeds, " ")), panels, seeds.size() - 1, file);
  else  // the blank lines between the seeds break the line; `index` would read the file again for each of them
    figure.plot = fmt::format(
        "{0}plot {1} using 1:2 with lines lw 0.5 lc rgb '#1f5fa8'\nset ylabel 'validation MAE'\n"
        "plot {1} using 1:3 with lines lw 0.5 lc rgb '#1f5fa8', \\\n"
        "     {1} using 1:($4 > 0 ? $3 : NaN) with points pt 6 ps 0.7 lc rgb '#1f5fa8'\nunset multiplot\n",
        panels, file);
  figure.width = 820;
  figure.height = 300;
  return figure;
}

FigureSource confusion_figure(const DataSetRuns& data, const SystemRuns& system) {
  const auto family = data.facts.family;
  const auto classes = classes_of(family);
  std::vector<std::vector<std::size_t>> counts(classes.names.size(), std::vector<std::size_t>(classes.names.size(), 0));
  for (const auto& scores : system.scores)
    for (std::size_t i = 0; i < scores.size(); ++i)
      ++counts[class_index(family, classes.count, data.labels[i])][class_index(family, classes.count, scores[i])];
  FigureSource figure;
  figure.name = figure_name(data.name, "confusion", system.name);
  figure.caption = fmt::format("{} on {}, {} split, {} seeds together: percent of the clips of each label class.",
                               system.name, data.title(), split_name(data.split), system.scores.size());
  figure.data = "# label_class score_class clips percent label_name score_name\n";
  for (std::size_t row = 0; row < counts.size(); ++row) {
    std::size_t sum = 0;
    for (const auto count : counts[row]) sum += count;
    for (std::size_t j = 0; j < counts[row].size(); ++j)
      figure.data += fmt::format("{} {} {} {} {} {}\n", row, j, counts[row][j],
                                 sum == 0 ? "0" : fmt::format("{:.1f}", 100 * double(counts[row][j]) / double(sum)),
                                 cell(fmt::format("{} (n = {})", classes.names[row], sum / system.scores.size())),
                                 cell(classes.names[j]));
  }
  const auto file = gnuplot_text(figure.name + ".dat");
  const auto last = double(classes.names.size()) - 0.5;
  figure.plot = fmt::format(
      "set xlabel 'predicted'\nset ylabel 'label'\nunset key\nunset colorbox\nset tics scale 0\n"
      "set palette defined (0 '#ffffff', 100 '#1f5fa8')\nset cbrange [0:100]\n"
      "set xrange [-0.5:{0}]\nset yrange [{0}:-0.5]\n"
      "plot {1} using 2:1:4 with image pixels, \\\n"
      "     {1} using 2:1:(sprintf('%.0f', $4)):($4 > 55 ? 0xffffff : 0x222222):xticlabels(6):yticlabels(5) with "
      "labels "
      "textcolor rgb variable\n",
      last, file);
  figure.width = 120 + 66 * classes.count;
  figure.height = 90 + 40 * classes.count;
  return figure;
}

}  // namespace kuda
