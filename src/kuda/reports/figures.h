#pragma once
// Figures of a report, drawn by gnuplot. Each is four files: NAME.dat, NAME.gp, NAME.svg and NAME.pdf; the first two
// are enough to draw it again (`gnuplot NAME.gp`) or to change it for a paper.
//
//   const Figure figure = draw(interval_figure(table, 0), "report/figures");

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "kuda/reports/result_table.h"
#include "kuda/reports/run_collection.h"

namespace kuda {

struct FigureSource {
  std::string name;               ///< of its files, without extension
  std::string caption;            ///< plain text
  std::string data;               ///< NAME.dat
  std::string plot;               ///< gnuplot commands that plot it, terminal and output aside
  int width = 640, height = 360;  ///< pixels of the SVG; the PDF has a hundred to an inch
};

struct Figure {
  std::string name, caption, svg;  ///< svg: the file's content, empty when gnuplot did not draw it
};

/// A string for FigureSource::plot. In single quotes nothing is substituted (in double quotes backticks would run a
/// command); control characters become spaces.
[[nodiscard]] std::string gnuplot_text(const std::string& text);
/// The same for a tic of `set xtics (...)`, which gnuplot takes for a format: '%' is written twice.
[[nodiscard]] std::string gnuplot_tic(const std::string& text);
/// A number for FigureSource::data; "NaN" where it is not finite.
[[nodiscard]] std::string gnuplot_number(double value);

/// One metric of every row: mean, interval over seeds (thick) and over clips (thin).
[[nodiscard]] FigureSource interval_figure(const ResultTable& table, std::size_t column);

/// Training loss and validation MAE by epoch, a line per seed; a circle marks the chosen epoch. Many seeds have one
/// colour and no key.
[[nodiscard]] FigureSource curves_figure(const DataSetRuns& data, const SystemRuns& system);

/// Classes of labels against classes of scores (seven in the mosi family, five in sims), all seeds together, each row
/// in percent of its clips.
[[nodiscard]] FigureSource confusion_figure(const DataSetRuns& data, const SystemRuns& system);

/// Writes the files into the folder, each whole or not at all. Without gnuplot, or when it fails, .dat and .gp are
/// there, `svg` is empty and a warning says why.
Figure draw(const FigureSource& source, const std::filesystem::path& folder);

/// Many at once, in a fifth of the time, for gnuplot is started once for some dozens. `drawn` hears how many are done.
std::vector<Figure> draw_all(const std::vector<FigureSource>& sources, const std::filesystem::path& folder,
                             const std::function<void(std::size_t)>& drawn);

}  // namespace kuda
