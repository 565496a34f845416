// kuda experiment: a grid of runs, each a process of its own; what is finished is not done again.

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <fstream>
#include <iostream>
#include <memory>
#include <thread>

#include "kuda/apps/experiment_file.h"
#include "kuda/apps/stop_signal.h"
#include "kuda/apps/verbs.h"
#include "kuda/base/child_process.h"
#include "kuda/base/error.h"
#include "kuda/training/progress.h"
#include "kuda/training/report.h"
#include "kuda/training/run_folder.h"

namespace kuda {

namespace fs = std::filesystem;

namespace {

using Clock = std::chrono::steady_clock;

struct ExperimentArguments {
  std::string file, out, shard;
  std::vector<std::string> data, encoders;
  ExperimentChoice choice;
  int jobs = 1, threads = 0;
  bool print_commands = false;
};

/// NAME=VALUE as an entry. Throws UsageError without '=', unless a value alone is allowed (it is then for all).
void add_named(std::map<std::string, std::string>& map, const std::string& text, const char* option,
               bool may_be_alone) {
  const auto equals = text.find('=');
  if (equals == std::string::npos && !may_be_alone)
    throw UsageError(fmt::format("{}: expected NAME=PATH, found '{}'", option, text));
  if (equals == std::string::npos)
    map[""] = text;
  else
    map[text.substr(0, equals)] = text.substr(equals + 1);
}

/// One word for a POSIX shell.
std::string quoted(const std::string& word) {
  constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./=:,+@%";
  if (!word.empty() && word.find_first_not_of(kPlain) == std::string::npos) return word;
  std::string text = "'";
  for (const char c : word) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return text + "'";
}

void print_commands(const std::vector<WorkItem>& items) {
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (i > 0 && items[i - 1].stage != items[i].stage)
      std::cout << "\n# the lines above must be finished before those below\n";
    std::cout << "kuda";
    for (const auto& word : items[i].arguments) std::cout << ' ' << quoted(word);
    std::cout << '\n';
  }
}

/// The message of a run that failed: the last line of its log that the program itself wrote, with its hint.
std::string last_error(const fs::path& log) {
  std::ifstream stream(log);
  std::string found, line;
  while (std::getline(stream, line)) {
    if (line.starts_with("kuda: "))
      found = line.substr(6);
    else if (line.starts_with("  hint: ") && !found.empty())
      found += ";" + line.substr(1);
  }
  return found.empty() ? "no message; see its log" : found;
}

struct Running {
  pid_t process = -1;
  const WorkItem* item = nullptr;
  Clock::time_point start;
  std::unique_ptr<FolderLock> lock;  ///< of the data set's folder, while its files are made
};

/// Works through the list, some at a time; a stage is finished before the next one begins.
class Grid {
 public:
  Grid(const fs::path& out, const std::vector<WorkItem>& items, const ExperimentArguments& options)
      : out_(out), items_(items), options_(options), stop_(catch_stop_signals()) {}

  /// Throws Interrupted after a signal, and Error at the end when runs failed.
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
    std::cout << fmt::format("{} of {} finished, {} of them before\n", finished_, items_.size(), finished_before_);
    for (const auto& [name, message] : failures_) std::cout << fmt::format("failed: {}: {}\n", name, message);
    std::cout.flush();
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
    std::cout << fmt::format("[{}/{}] {}  {}  {}\n", finished_ + failures_.size(), items_.size(), item.name,
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
  const ExperimentArguments& options_;
  const std::atomic<bool>& stop_;
  std::vector<Running> running_;
  std::vector<std::pair<std::string, std::string>> failures_;
  std::size_t next_ = 0, finished_ = 0, finished_before_ = 0;
  bool is_passed_on_ = false;
};

void run_experiment(ExperimentArguments& options) {
  const auto experiment = Experiment::load(options.file);
  for (const auto& text : options.data) add_named(options.choice.data, text, "--data", false);
  for (const auto& text : options.encoders) add_named(options.choice.encoders, text, "--encoder", true);
  options.choice.out = options.out.empty() ? fs::path("runs") / fs::path(options.file).stem() : fs::path(options.out);
  auto items = work_list(experiment, options.choice);
  if (!options.shard.empty()) items = shard_of(items, options.shard);
  if (options.print_commands) {
    print_commands(items);
    return;
  }
  std::cout << fmt::format("{}\n{} runs into {}\n", experiment.title, items.size(), options.choice.out.string())
            << std::flush;
  Grid(options.choice.out, items, options).run();
}

}  // namespace

void add_experiment(CLI::App& program) {
  auto options = std::make_shared<ExperimentArguments>();
  auto* verb = program.add_subcommand(
      "experiment",
      "A grid of runs (models x data sets x seeds x variants) from a file such as experiments/table5.toml.");
  verb->add_option("file", options->file, "the experiment (TOML)")->required();
  verb->add_option("-d,--data", options->data, "the file or folder of one of its data sets; may repeat")
      ->type_name("NAME=PATH")
      ->allow_extra_args(false);
  verb->add_option("--encoder", options->encoders, "text encoder for all data sets, or NAME=PATH for one; may repeat")
      ->allow_extra_args(false);
  verb->add_option("--out", options->out, "folder of the runs (default: runs/NAME-OF-THE-FILE)");
  verb->add_option("--only", options->choice.only_data, "these data sets only")->allow_extra_args(false);
  verb->add_option("-m,--model", options->choice.models, "these models only; may repeat")->allow_extra_args(false);
  verb->add_option("-s,--seed", options->choice.seeds, "these seeds instead of its own; may repeat")
      ->allow_extra_args(false);
  verb->add_option("--set", options->choice.sets, "one key of docs/configuration.md for every run; may repeat")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  verb->add_option("--jobs", options->jobs, "runs at a time")->capture_default_str()->check(CLI::Range(1, 1024));
  verb->add_option("--threads", options->threads, "threads of each run (default: LibTorch's choice)")
      ->check(CLI::Range(1, 1024));
  verb->add_option("--shard", options->shard, "part I of N of the list, for several machines")->type_name("I/N");
  verb->add_flag("--print-commands", options->print_commands, "print the commands of the runs; run nothing");
  verb->footer(
      "Runs that are finished are not done again, stopped or killed ones go on, failed ones are listed with their\n"
      "error and the exit code is then 1. `kuda report` makes tables and figures of the folder.\n"
      "Example:\n"
      "  kuda experiment experiments/table3.toml -d sims=sims.pkl -d simsv2=simsv2.pkl --encoder bert-base-chinese\n"
      "  kuda experiment experiments/table5.toml -d sims=sims.pkl --print-commands | parallel -j 4\n"
      "  kuda experiment experiments/table3.toml ... --shard $SLURM_ARRAY_TASK_ID/20");
  verb->callback([options] { run_experiment(*options); });
}

}  // namespace kuda
