#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <span>

#include "kuda/base/child_process.h"
#include "kuda/base/file.h"
#include "kuda/base/folder.h"
#include "kuda/base/log.h"
#include "kuda/reports/figures.h"

namespace kuda {
namespace {

namespace fs = std::filesystem;

/// How many figures one gnuplot draws: to start it takes as long as to draw five.
constexpr std::size_t kFigures = 50;

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

/// Removed with all it holds at the end of the scope. gnuplot writes as it draws: in here, so that a kill leaves no
/// half figure.
class DrawingFolder {
 public:
  explicit DrawingFolder(const fs::path& out)
      : out_(out), path_(fs::absolute(out / fmt::format(".drawing-{}", ::getpid()))) {
    make_folder(path_);
  }
  DrawingFolder(const DrawingFolder&) = delete;
  DrawingFolder& operator=(const DrawingFolder&) = delete;
  ~DrawingFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }

  void add(const FigureSource& source) const {
    write_file(out_ / (source.name + ".dat"), source.data);
    write_file(out_ / (source.name + ".gp"), script_of(source));
    for (const char* extension : {".dat", ".gp"})
      fs::copy_file(out_ / (source.name + extension), path_ / (source.name + extension),
                    fs::copy_options::overwrite_existing);
  }

  /// Nothing where there is no gnuplot, else what it says. At the first figure that it cannot draw it stops.
  [[nodiscard]] std::optional<std::string> run(std::span<const FigureSource> sources) const {
    std::vector<std::string> words{"gnuplot"};
    for (const auto& source : sources) words.push_back("./" + source.name + ".gp");
    const auto messages = path_ / "messages";
    fs::remove(messages);
    const auto gnuplot = start_process(std::move(words), {.folder = path_, .output = messages});
    if (!gnuplot) return std::nullopt;
    const bool is_good = wait_for(*gnuplot) == 0;
    if (!is_good)  // the last one it began may be a half one
      for (const auto& source : sources)
        for (const char* extension : {".svg", ".pdf"}) fs::remove(path_ / (source.name + extension));
    return read_file(messages);
  }

  /// Puts what gnuplot drew in its place; svg stays empty where it did not.
  [[nodiscard]] Figure take(const FigureSource& source) const {
    Figure figure{source.name, source.caption, ""};
    const auto svg = source.name + ".svg", pdf = source.name + ".pdf";
    if (!fs::exists(path_ / svg) || !fs::exists(path_ / pdf)) return figure;
    figure.svg = read_file(path_ / svg);
    write_file(out_ / svg, figure.svg);
    write_file(out_ / pdf, read_file(path_ / pdf));
    return figure;
  }

 private:
  fs::path out_, path_;
};

}  // namespace

std::vector<Figure> draw_all(const std::vector<FigureSource>& sources, const fs::path& folder,
                             const std::function<void(std::size_t)>& drawn) {
  make_folder(folder);
  const DrawingFolder work(folder);
  for (const auto& source : sources) work.add(source);
  std::vector<Figure> figures;
  bool has_gnuplot = true;
  while (figures.size() < sources.size()) {
    const auto part =
        std::span(sources).subspan(figures.size()).first(std::min(kFigures, sources.size() - figures.size()));
    has_gnuplot = has_gnuplot && work.run(part).has_value();
    for (const auto& source : part) {
      auto figure = work.take(source);
      if (figure.svg.empty() && has_gnuplot) {  // it, or one before it, could not be drawn
        const auto messages = work.run(std::span(&source, 1));
        figure = work.take(source);
        if (figure.svg.empty())
          log_warning("{}: not drawn: {}", (folder / (source.name + ".gp")).string(), messages.value_or(""));
      }
      figures.push_back(std::move(figure));
    }
    drawn(figures.size());
  }
  if (!has_gnuplot)
    log_warning("{}: {} figures are not drawn: gnuplot is not installed (Debian: gnuplot-nox)", folder.string(),
                sources.size());
  return figures;
}

Figure draw(const FigureSource& source, const fs::path& folder) {
  return draw_all({source}, folder, [](std::size_t) {}).front();
}

}  // namespace kuda
