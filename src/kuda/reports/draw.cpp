#include <fmt/format.h>
#include <unistd.h>

#include "kuda/base/child_process.h"
#include "kuda/base/file.h"
#include "kuda/base/log.h"
#include "kuda/reports/figures.h"

namespace kuda {
namespace {

namespace fs = std::filesystem;

/// The whole gnuplot file: both terminals, then the figure's own commands.
std::string script_of(const FigureSource& source) {
  return fmt::format(
      "# {0}\n# Written by kuda. `gnuplot {0}.gp` draws {0}.svg and {0}.pdf again from {0}.dat.\n"
      "set encoding utf8\n"
      "do for [kind in 'svg pdf'] {{\n"
      "reset\n"
      "if (kind eq 'svg') {{\n"
      "  set terminal svg size {1},{2} dynamic font 'sans-serif,13' background '#ffffff' noenhanced\n"
      "}} else {{\n"
      "  set terminal pdfcairo size {3}in,{4}in font 'sans-serif,10' noenhanced\n"
      "}}\n"
      "set output '{0}.'.kind\n"
      "set border lc rgb '#555555'\n"
      "{5}"
      "set output\n"
      "}}\n",
      source.name, source.width, source.height, source.width / 100.0, source.height / 100.0, source.plot);
}

/// Removed with all it holds at the end of the scope.
struct DrawingFolder {
  explicit DrawingFolder(fs::path folder) : path(fs::absolute(folder)) { fs::create_directories(path); }
  DrawingFolder(const DrawingFolder&) = delete;
  DrawingFolder& operator=(const DrawingFolder&) = delete;
  ~DrawingFolder() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
  fs::path path;
};

}  // namespace

Figure draw(const FigureSource& source, const fs::path& folder) {
  fs::create_directories(folder);
  const auto script = script_of(source);
  write_file(folder / (source.name + ".dat"), source.data);
  write_file(folder / (source.name + ".gp"), script);
  // gnuplot writes as it draws: elsewhere, so that a kill leaves no half figure.
  const DrawingFolder work(folder / fmt::format(".drawing-{}", ::getpid()));
  write_file(work.path / (source.name + ".dat"), source.data);
  write_file(work.path / (source.name + ".gp"), script);
  const auto messages = work.path / "messages";
  const auto gnuplot =
      start_process({"gnuplot", "./" + source.name + ".gp"}, {.folder = work.path, .output = messages});
  const bool is_drawn = gnuplot && wait_for(*gnuplot) == 0;
  Figure figure{source.name, source.caption, ""};
  const auto svg = work.path / (source.name + ".svg"), pdf = work.path / (source.name + ".pdf");
  if (!is_drawn || !fs::exists(svg) || !fs::exists(pdf)) {
    log_warning("{}: not drawn: {}", (folder / (source.name + ".gp")).string(),
                !gnuplot ? "gnuplot is not installed (Debian: gnuplot-nox)" : read_file(messages));
    return figure;
  }
  figure.svg = read_file(svg);
  write_file(folder / (source.name + ".svg"), figure.svg);
  write_file(folder / (source.name + ".pdf"), read_file(pdf));
  return figure;
}

}  // namespace kuda
