#include "kuda/experiments/grid.h"

#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <ostream>
#include <thread>
#include <utility>

#include "kuda/base/child_process.h"
#include "kuda/base/error.h"
#include "kuda/base/progress.h"
#include "kuda/runs/report.h"
#include "kuda/runs/run_folder.h"

namespace kuda {

namespace fs = std::filesystem;

namespace {

/// The message of a run that failed: the last line of its log that the program itself wrote, with its hint.
std::string last_error(const fs::path& log) {
  std::ifstream stream(log);
  std::string found, line;
  while (std::getline(stream, line)) {
    if (line.starts_with("kuda: "))
      found = line.substr(6);
    else if (line.starts_with(kHintStart) && !found.empty())
      found += ";" + line.substr(1);
  }
  return found.empty() ? "no message; see its log" : found;
}

using Clock = std::chrono::steady_clock;

struct Running {
  pid_t process = -1;
  const WorkItem* item = nullptr;
  Clock::time_point start;
  std::unique_ptr<FolderLock> lock;  ///< of the data set's folder, while its files are made
};

/// Works through the list, some at a time; a stage is finished before the next one begins.
class Grid {
 public:
  Grid(const std::vector<WorkItem>& items, const GridOptions& options, std::ostream& stream,
       const std::atomic<bool>& stop)
      : out_(options.out), items_(items), options_(options), stream_(stream), stop_(stop) {}

  void run() {
    fs::create_directories(out_ / "logs");
    while ((next_ < items_.size() && !stop_) || !running_.empty()) {
      while (can_start() && start(items_[next_])) ++next_;
      if (stop_ && !is_passed_on_) pass_on_stop();
      if (const auto ended = ended_child())
        finish(*ended);
      else
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    stream_ << fmt::format("{} of {} finished, {} of them before\n", finished_, items_.size(), finished_before_);
    for (const auto& [name, message] : failures_) stream_ << fmt::format("failed: {}: {}\n", name, message);
    stream_.flush();
    if (stop_) throw Interrupted("stopped; what was running is saved", "the same command goes on");
    if (!failures_.empty())
      throw Error(fmt::format("{} of {} runs failed", failures_.size(), items_.size()),
                  fmt::format("their logs are in {}; the same command tries them again", (out_ / "logs").string()));
  }

 private:
  [[nodiscard]] bool can_start() const {
    if (stop_ || next_ >= items_.size() || int(running_.size()) >= options_.jobs) return false;
    return std::all_of(running_.begin(), running_.end(),
                       [&](const auto& running) { return running.item->stage == items_[next_].stage; });
  }

  [[nodiscard]] fs::path log_of(const WorkItem& item) const {
    auto name = item.name;
    std::replace(name.begin(), name.end(), '/', '-');
    return out_ / "logs" / (name + ".log");
  }

  /// False where another process (of another part of the list) is making files of the same data set: not yet.
  bool start(const WorkItem& item) {
    std::unique_ptr<FolderLock> lock;
    if (item.stage == WorkStage::data || item.stage == WorkStage::encoder) {
      lock = FolderLock::try_to_lock((out_ / item.name).parent_path());
      if (!lock) return false;
    }
    if (fs::exists(out_ / item.name / "metrics.json")) ++finished_before_;
    ProcessOptions process;
    process.program = "/proc/self/exe";
    process.output = log_of(item);
    process.own_group = true;                 // a Ctrl-C is passed on once, by pass_on_stop
    process.environment["WORLD_SIZE"] = "1";  // each run is one process, whatever started this one
    if (options_.threads > 0) process.environment["OMP_NUM_THREADS"] = std::to_string(options_.threads);
    std::vector<std::string> words{"kuda"};
    words.insert(words.end(), item.arguments.begin(), item.arguments.end());
    const auto child = start_process(std::move(words), process);
    if (!child) throw Error("this program's own file is gone: it cannot be started again");
    running_.push_back({*child, &item, Clock::now(), std::move(lock)});
    return true;
  }

  void pass_on_stop() {
    for (const auto& running : running_) kill(running.process, SIGTERM);
    is_passed_on_ = true;
  }

  void finish(const std::pair<pid_t, int>& ended) {
    const auto found = std::find_if(running_.begin(), running_.end(),
                                    [&](const auto& running) { return running.process == ended.first; });
    if (found == running_.end()) return;
    const auto running = std::move(*found);
    running_.erase(found);
    const auto& item = *running.item;
    const double seconds = std::chrono::duration<double>(Clock::now() - running.start).count();
    constexpr int kInterrupted = 6;
    std::string outcome;
    if (ended.second == 0) {
      ++finished_;
      outcome = score_of(item);
    } else if (ended.second == kInterrupted) {
      outcome = "stopped";
    } else {
      failures_.emplace_back(item.name, last_error(log_of(item)));
      outcome = fmt::format("FAILED (exit code {}): {}", ended.second, failures_.back().second);
    }
    stream_ << fmt::format("[{}/{}] {}  {}  {}\n", finished_ + failures_.size(), items_.size(), item.name,
                           format_duration(seconds), outcome)
            << std::flush;
  }

  [[nodiscard]] std::string score_of(const WorkItem& item) const {
    const auto path = out_ / item.name / "metrics.json";
    if (item.stage != WorkStage::run || !fs::exists(path)) return "finished";
    const auto report = read_report(path);
    const auto& rows = report.splits[std::size_t(Split::test)];
    return rows.empty() ? "finished" : fmt::format("test MAE {:.4f}", rows.front().metrics.value("MAE"));
  }

  const fs::path& out_;
  const std::vector<WorkItem>& items_;
  const GridOptions& options_;
  std::ostream& stream_;
  const std::atomic<bool>& stop_;
  std::vector<Running> running_;
  std::vector<std::pair<std::string, std::string>> failures_;
  std::size_t next_ = 0, finished_ = 0, finished_before_ = 0;
  bool is_passed_on_ = false;
};

}  // namespace

void run_grid(const std::vector<WorkItem>& items, const GridOptions& options, std::ostream& stream,
              const std::atomic<bool>& stop) {
  Grid(items, options, stream, stop).run();
}

}  // namespace kuda
