#include "kuda/base/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <iostream>
#include <string_view>

#include "kuda/base/table.h"
#include "kuda/base/utf8.h"

namespace kuda {
namespace {

constexpr double kBarSeconds = 0.1, kLineSeconds = 10;
constexpr std::int64_t kBarWidth = 24, kLeastBarWidth = 4;

/// Columns of the terminal behind stderr; 0 where it does not know.
std::size_t terminal_width() {
  winsize size{};
  return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

/// Steps of the whole task up to and including this one.
std::int64_t steps_done(const ProgressStep& step) {
  return std::max<std::int64_t>(step.epoch - 1, 0) * step.steps + step.step;
}

}  // namespace

bool can_draw_on_stderr() {
  const char* kind = std::getenv("TERM");
  return ::isatty(STDERR_FILENO) == 1 && kind != nullptr && *kind != '\0' && std::string_view(kind) != "dumb";
}

std::string format_duration(double seconds) {
  const auto total = static_cast<std::int64_t>(std::llround(std::max(0.0, seconds)));
  const auto hours = total / 3600, minutes = total / 60 % 60;
  if (hours > 0) return fmt::format("{}:{:02}:{:02}", hours, minutes, total % 60);
  return fmt::format("{:02}:{:02}", minutes, total % 60);
}

ConsoleProgress::ConsoleProgress() : ConsoleProgress(std::cerr, can_draw_on_stderr(), Clock::now, terminal_width) {}

ConsoleProgress::ConsoleProgress(std::ostream& stream, bool is_terminal, std::function<Clock::time_point()> now,
                                 std::function<std::size_t()> width)
    : stream_(stream), is_terminal_(is_terminal), now_(std::move(now)), width_(std::move(width)) {}

ConsoleProgress::~ConsoleProgress() { clear_bar(); }

std::string ConsoleProgress::describe(const ProgressStep& step, double seconds, std::int64_t bar) const {
  std::string text = step.task;
  if (step.epochs > 0) text += fmt::format("  epoch {}/{}", step.epoch, step.epochs);
  if (bar > 0) {
    const auto filled = step.steps > 0 ? bar * step.step / step.steps : 0;
    text += fmt::format("  [{}{}]", std::string(std::size_t(filled), '#'), std::string(std::size_t(bar - filled), '.'));
  }
  text += fmt::format("  step {}/{}", step.step, step.steps);
  if (!std::isnan(step.loss)) text += fmt::format("  loss {:.4f}", step.loss);
  const auto done = steps_done(step);
  if (seconds > 0 && done > first_) {
    if (clips_ > 0) text += fmt::format("  {:.1f} clips/s", double(clips_) / seconds);  // else steps are no clips
    const auto left = std::max<std::int64_t>(step.epochs, 1) * step.steps - done;
    text += fmt::format("  {} left", format_duration(seconds / double(done - first_) * double(left)));
  }
  return text;
}

/// On one line of the terminal: first the bar gives way, then the end.
std::string ConsoleProgress::fitted(const ProgressStep& step, double seconds) const {
  if (!is_terminal_) return describe(step, seconds, 0);
  auto text = describe(step, seconds, kBarWidth);
  const auto columns = width_();
  if (columns == 0 || display_width(text) < columns) return text;  // the last column stays free: some wrap there
  const auto bar = kBarWidth - std::int64_t(display_width(text) - columns + 1);
  const auto letters = decode_utf8(describe(step, seconds, bar < kLeastBarWidth ? 0 : bar));
  return encode_utf8(std::u32string_view(letters).substr(0, columns - 1));
}

void ConsoleProgress::step(const ProgressStep& step) {
  const auto now = now_();
  if (step.task != task_) {  // the time of this step itself is not known, so the rate counts from its end
    task_ = step.task;
    start_ = last_ = now;
    first_ = steps_done(step);
    clips_ = 0;
    if (!is_terminal_) return;
  } else {
    clips_ += step.clips;
    if (seconds_between(last_, now) < (is_terminal_ ? kBarSeconds : kLineSeconds)) return;
    if (!is_terminal_ && step.is_last() && step.epochs > 0) return;  // the line of the epoch follows
  }
  last_ = now;
  const auto text = fitted(step, seconds_between(start_, now));
  if (is_terminal_) {
    stream_ << "\r\033[K" << text << std::flush;
    has_bar_ = true;
  } else {
    stream_ << text << '\n' << std::flush;
  }
}

void ConsoleProgress::line(const std::string& text) {
  clear_bar();
  stream_ << text << '\n' << std::flush;
}

void ConsoleProgress::clear_bar() {
  if (!has_bar_) return;
  stream_ << "\r\033[K" << std::flush;
  has_bar_ = false;
}

}  // namespace kuda
