#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fcntl.h>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/base/log.h"
#include "kuda/evaluation/figures.h"

namespace kuda {
namespace {

namespace fs = std::filesystem;

constexpr int kNotInstalled = 127;

/// The whole gnuplot file: both terminals, then the figure's own commands.
std::string script_of(const FigureSource& source) {
  return fmt::format(
      "# {0}\n# Written by kuda report. `gnuplot {0}.gp` draws {0}.svg and {0}.pdf again from {0}.dat.\n"
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

/// Runs gnuplot on a script in its folder; what it says goes to a file beside it. Returns its exit status.
int run_gnuplot(const fs::path& folder, const std::string& script, const fs::path& messages) {
  const auto child = ::fork();
  if (child < 0) throw Error("gnuplot cannot be started: no further process is allowed");
  if (child == 0) {
    const int file = ::open(messages.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (file < 0 || ::dup2(file, STDOUT_FILENO) < 0 || ::dup2(file, STDERR_FILENO) < 0 || ::chdir(folder.c_str()) != 0)
      ::_exit(1);
    ::execlp("gnuplot", "gnuplot", script.c_str(), static_cast<char*>(nullptr));
    ::_exit(kNotInstalled);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return 1;
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
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
  const int status = run_gnuplot(work.path, "./" + source.name + ".gp", messages);
  Figure figure{source.name, source.caption, ""};
  const auto svg = work.path / (source.name + ".svg"), pdf = work.path / (source.name + ".pdf");
  if (status != 0 || !fs::exists(svg) || !fs::exists(pdf)) {
    log_warning("{}: not drawn: {}", (folder / (source.name + ".gp")).string(),
                status == kNotInstalled ? "gnuplot is not installed (Debian: gnuplot-nox)" : read_file(messages));
    return figure;
  }
  figure.svg = read_file(svg);
  write_file(folder / (source.name + ".svg"), figure.svg);
  write_file(folder / (source.name + ".pdf"), read_file(pdf));
  return figure;
}

}  // namespace kuda
