#include "kuda/experiments/grid.h"

#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <ostream>
#include <set>
#include <thread>
#include <utility>

#include "kuda/base/child_process.h"
#include "kuda/base/clock.h"
#include "kuda/base/error.h"
#include "kuda/base/folder.h"
#include "kuda/base/progress.h"
#include "kuda/runs/report.h"

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

struct Running {
  pid_t process = -1;
  const WorkItem* item = nullptr;
  Clock::time_point start;
  std::unique_ptr<FileLock> lock;  ///< on its log, and its process holds it too: nobody else works on this item
};

/// Works through the list, some at a time; a stage is finished before the next one begins. Several processes may share
/// a list, or parts of lists that meet: each takes what no other one is working on.
class Grid {
 public:
  Grid(const std::vector<WorkItem>& items, const GridOptions& options, std::ostream& stream,
       const std::atomic<bool>& stop)
      : out_(options.out), items_(items), options_(options), stream_(stream), stop_(stop) {}

  void run() {
    make_folder(out_ / "logs");
    for (const auto& item : items_) waiting_.push_back(&item);
    while ((!waiting_.empty() && !stop_) || !running_.empty()) {
      start_some();
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
  /// As many as may run. An item that another process works on is asked for again, a second later.
  void start_some() {
    if (stop_ || waiting_.empty() || Clock::now() < next_look_) return;
    const auto stage = waiting_.front()->stage;  // the list is in the order of the stages
    if (std::any_of(running_.begin(), running_.end(), [&](const auto& one) { return one.item->stage != stage; }))
      return;
    for (auto it = waiting_.begin(); int(running_.size()) < options_.jobs;) {
      if (it == waiting_.end() || (*it)->stage != stage) {
        next_look_ = Clock::now() + std::chrono::seconds(1);
        return;
      }
      it = start(**it) ? waiting_.erase(it) : std::next(it);
    }
  }

  [[nodiscard]] fs::path log_of(const WorkItem& item) const {
    auto name = item.name;
    std::replace(name.begin(), name.end(), '/', '-');
    return out_ / "logs" / (name + ".log");
  }

  /// False where another process works on it, or what a killed one had started is not at its end yet.
  bool start(const WorkItem& item) {
    auto lock = FileLock::try_to_lock(log_of(item));
    if (!lock) {
      if (told_.insert(item.name).second)
        stream_ << fmt::format("{}: another process works on it: {} is locked\n", item.name, log_of(item).string())
                << std::flush;
      return false;
    }
    if (fs::exists(out_ / item.name / "metrics.json")) ++finished_before_;
    ProcessOptions process;
    process.program = "/proc/self/exe";
    process.output_descriptor = lock->descriptor();
    process.own_group = true;  // a Ctrl-C is passed on once, by pass_on_stop
    process.stops_with_parent = true;
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
    next_look_ = {};
    const auto& item = *running.item;
    const double seconds = seconds_since(running.start);
    constexpr int kInterrupted = 6, kSignalled = 128;
    std::string outcome;
    if (ended.second == 0) {
      ++finished_;
      outcome = score_of(item);
    } else if (ended.second == kInterrupted) {
      outcome = "stopped";
    } else {
      failures_.emplace_back(item.name, ended.second > kSignalled ? fmt::format("ended by a signal: {}",
                                                                                ::strsignal(ended.second - kSignalled))
                                                                  : last_error(log_of(item)));
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
  std::vector<const WorkItem*> waiting_;
  std::vector<Running> running_;
  Clock::time_point next_look_{};  ///< when what is locked is asked for again
  std::set<std::string> told_;
  std::vector<std::pair<std::string, std::string>> failures_;
  std::size_t finished_ = 0, finished_before_ = 0;
  bool is_passed_on_ = false;
};

}  // namespace

void run_grid(const std::vector<WorkItem>& items, const GridOptions& options, std::ostream& stream,
              const std::atomic<bool>& stop) {
  Grid(items, options, stream, stop).run();
}

}  // namespace kuda
