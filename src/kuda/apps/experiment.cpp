// kuda experiment: a grid of runs, each a process of its own; what is finished is not done again.

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <iostream>
#include <memory>

#include "kuda/apps/number_check.h"
#include "kuda/apps/stop_signal.h"
#include "kuda/apps/verbs.h"
#include "kuda/base/error.h"
#include "kuda/experiments/experiment_file.h"
#include "kuda/experiments/grid.h"

namespace kuda {

namespace fs = std::filesystem;

namespace {

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
  run_grid(items, {options.choice.out, options.jobs, options.threads}, std::cout, catch_stop_signals());
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
      ->check(whole_number(0))
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
