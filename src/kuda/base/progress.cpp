#include "kuda/base/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cmath>
#include <iostream>

namespace kuda {
namespace {

constexpr double kBarSeconds = 0.1, kLineSeconds = 10;
constexpr std::int64_t kBarWidth = 24;

double seconds_between(ConsoleProgress::Clock::time_point from, ConsoleProgress::Clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

/// Steps of the whole task up to and including this one.
std::int64_t steps_done(const ProgressStep& step) {
  return std::max<std::int64_t>(step.epoch - 1, 0) * step.steps + step.step;
}

}  // namespace

std::string format_duration(double seconds) {
  const auto total = static_cast<std::int64_t>(std::llround(std::max(0.0, seconds)));
  const auto hours = total / 3600, minutes = total / 60 % 60;
  if (hours > 0) return fmt::format("{}:{:02}:{:02}", hours, minutes, total % 60);
  return fmt::format("{:02}:{:02}", minutes, total % 60);
}

ConsoleProgress::ConsoleProgress() : ConsoleProgress(std::cerr, ::isatty(STDERR_FILENO) == 1) {}

ConsoleProgress::ConsoleProgress(std::ostream& stream, bool is_terminal, std::function<Clock::time_point()> now)
    : stream_(stream), is_terminal_(is_terminal), now_(std::move(now)) {}

ConsoleProgress::~ConsoleProgress() { clear_bar(); }

std::string ConsoleProgress::describe(const ProgressStep& step, double seconds) const {
  std::string text = step.task;
  if (step.epochs > 0) text += fmt::format("  epoch {}/{}", step.epoch, step.epochs);
  if (is_terminal_) {
    const auto filled = step.steps > 0 ? kBarWidth * step.step / step.steps : 0;
    text += fmt::format("  [{}{}]", std::string(std::size_t(filled), '#'),
                        std::string(std::size_t(kBarWidth - filled), '.'));
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
    if (!is_terminal_ && step.is_last()) return;  // the line of the epoch follows
  }
  last_ = now;
  const auto text = describe(step, seconds_between(start_, now));
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
