#pragma once
// What long work tells while it runs. The library says nothing by itself: it calls a Progress that the caller gives.
//
//   ConsoleProgress progress;
//   run_training(config, folder, progress, stop);

#include <cstddef>
#include <cstdint>
#include <functional>
#include <iosfwd>
#include <string>

#include "kuda/base/clock.h"

namespace kuda {

/// Where a task stands after one of its steps.
struct ProgressStep {
  std::string task;                    ///< "pretrain text", "kuda", "predict test"
  std::int64_t epoch = 0, epochs = 0;  ///< from 1; 0 where there are no epochs
  std::int64_t step = 0, steps = 0;    ///< within the epoch, from 1
  std::int64_t clips = 0;              ///< in this step
  double loss = 0;                     ///< mean of the epoch so far; NaN where there is none
  [[nodiscard]] bool is_last() const { return step == steps; }
};

/// An epoch that has ended, as its line of epochs.jsonl says; NaN for what was not asked.
struct ProgressEpoch {
  std::string task;
  std::int64_t epoch = 0, epochs = 0;  ///< from 1
  double lr = 0, loss = 0, valid_mae = 0, valid_corr = 0, valid_loss = 0;
  bool is_best = false;  ///< lowest selection value so far
  double seconds = 0;
};

class Progress {
 public:
  virtual ~Progress() = default;
  virtual void step(const ProgressStep& step) = 0;
  virtual void epoch(const ProgressEpoch&) {}      ///< for programs; people read the line
  virtual void line(const std::string& text) = 0;  ///< a finished epoch, a note: always shown
};

class NoProgress final : public Progress {
 public:
  void step(const ProgressStep&) override {}
  void line(const std::string&) override {}
};

/// On a terminal one line that is drawn over again (bar, loss, clips per second, time left), elsewhere plain lines, at
/// most one every ten seconds. Time left is that of the whole task, from the rate since it began or was continued. The
/// bar takes one line of the terminal, however narrow that is made meanwhile.
class ConsoleProgress final : public Progress {
 public:
  using Clock = kuda::Clock;
  ConsoleProgress();  ///< on stderr, whatever that is
  /// `width`: columns of the terminal, asked at every draw; 0: not known, nothing is shortened.
  ConsoleProgress(
      std::ostream& stream, bool is_terminal, std::function<Clock::time_point()> now = Clock::now,
      std::function<std::size_t()> width = [] { return std::size_t{0}; });
  ConsoleProgress(const ConsoleProgress&) = delete;
  ConsoleProgress& operator=(const ConsoleProgress&) = delete;
  ~ConsoleProgress() override;  ///< takes the bar away
  void step(const ProgressStep& step) override;
  void line(const std::string& text) override;

 private:
  [[nodiscard]] std::string describe(const ProgressStep& step, double seconds, std::int64_t bar) const;
  [[nodiscard]] std::string fitted(const ProgressStep& step, double seconds) const;
  void clear_bar();
  std::ostream& stream_;
  bool is_terminal_, has_bar_ = false;
  std::function<Clock::time_point()> now_;
  std::function<std::size_t()> width_;
  std::string task_;
  std::int64_t first_ = 0, clips_ = 0;  ///< steps done before the first call for this task; clips since
  Clock::time_point start_, last_;
};

/// Whether stderr is a terminal on which a line can be drawn over again: not one that calls itself dumb, or nothing.
[[nodiscard]] bool can_draw_on_stderr();

/// "00:07", "12:05", "3:02:11"
[[nodiscard]] std::string format_duration(double seconds);

}  // namespace kuda
