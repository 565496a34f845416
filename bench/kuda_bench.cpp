// Times what users wait for, beside what the machine could do: loading, the first batch, training steps of both stages,
// scoring, whole epochs. bench/README.md says what each case is.
//
//   kuda_bench --like sims --encoder bert-base --cases 'stage2/step|score' --json before.json

#include <fmt/format.h>
#include <torch/torch.h>
#include <CLI/CLI.hpp>

#include <cstdio>
#include <exception>
#include <filesystem>
#include <iostream>
#include <regex>
#include <string>
#include <vector>

#include "counting.h"
#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/base/log.h"
#include "kuda/base/names.h"
#include "kuda/tensor/linear.h"
#include "results.h"
#include "workload.h"

namespace kuda {
namespace {

namespace fs = std::filesystem;

// In a round a case runs once, or more often where that takes less than this together.
constexpr double kSecondsOfRound = 0.2;
constexpr std::size_t kMostRunsOfRound = 20;

struct Options {
  WorkloadOptions workload;
  std::string cases = ".", precision = "fp32", json;
  int threads = 1, repeats = 5;
};

void say(const std::string& text) { fmt::print(stderr, "{}\n", text); }

double bytes_of(const Model& model) {
  double bytes = 0;
  for (const auto& tensor : model.parameters()) bytes += double(tensor.nbytes());
  for (const auto& tensor : model.buffers()) bytes += double(tensor.nbytes());
  return bytes + prepared_bytes(model);
}

/// One pass that is not timed: operations and memory. It also brings files into the page cache and memory to the
/// process.
CaseResult count(const Case& one) {
  CaseResult result;
  result.name = one.name;
  result.clips = one.clips;
  const Counting counting;
  result.gflop = one.run().gflop;
  result.tensor_bytes = double(counting.peak_bytes()) + (one.model ? bytes_of(*one.model) : 0);
  return result;
}

void time_round(const Case& one, std::vector<double>& seconds) {
  double spent = 0;
  for (std::size_t i = 0; i < kMostRunsOfRound && (i == 0 || spent < kSecondsOfRound); ++i) {
    seconds.push_back(one.run().seconds);
    spent += seconds.back();
  }
}

/// All cases once in each round, so that a slow moment of the machine falls on all of them.
BenchResult time_cases(const Options& options) {
  BenchResult result;
  result.peak = measure_peak();
  say(fmt::format("peak: fp32 {:.0f} GFLOP/s ({}), bf16 {:.0f} GFLOP/s ({})", result.peak.fp32, result.peak.fp32_by,
                  result.peak.bf16, result.peak.bf16_by));
  Workload workload(options.workload);
  result.machine = describe_machine();  // after the configuration chose its library of products
  const auto cases = workload.cases(std::regex(options.cases));
  for (const auto& one : cases) {
    result.cases.push_back(count(one));
    say(fmt::format("{}: {:.2f} GFLOP", one.name, result.cases.back().gflop));
  }
  for (int round = 1; round <= options.repeats; ++round)
    for (std::size_t i = 0; i < cases.size(); ++i) {
      time_round(cases[i], result.cases[i].seconds);
      say(fmt::format("round {}/{}  {}  {:.1f} ms", round, options.repeats, cases[i].name,
                      1e3 * result.cases[i].seconds.back()));
    }
  result.process_bytes = process_peak_bytes();
  const auto& asked = options.workload;
  result.options = {{"like", asked.like},
                    {"encoder", fs::path(asked.encoder).filename().string()},
                    {"config", fs::path(asked.config).filename().string()},
                    {"profile", workload.config().profile},
                    {"set", join(asked.changes.sets, " ")},
                    {"clips", std::to_string(workload.dataset().clips.size())},
                    {"batch", std::to_string(asked.batch)},
                    {"frames", std::to_string(asked.frames)}};
  if (asked.precision != Precision::fp32) result.options.emplace_back("precision", precision_name(asked.precision));
  return result;
}

int run(int argc, char** argv) {
  const fs::path root(KUDA_SOURCE_DIR);
  Options options;
  auto& workload = options.workload;
  CLI::App program("Times kuda on synthetic clips of published sizes. What each case is: bench/README.md.",
                   "kuda_bench");
  program.add_option("--like", workload.like, "lengths and widths of the clips")
      ->check(CLI::IsMember({"sims", "simsv2", "mosi", "mosei"}))
      ->capture_default_str();
  program.add_option("--encoder", workload.encoder,
                     "text encoder: a folder in Hugging Face layout, or bert-base = random weights of that size "
                     "(default: encoders/minilm where it exists, else bert-base)");
  program.add_option("--clips", workload.clips, "clips of the training split, at least two batches")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  program.add_option("--batch", workload.batch, "clips of a training step, in place of the configuration's")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  program.add_option("--frames", workload.frames, "most vision and audio frames of a clip; 0 = as published")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  program.add_option("--config", workload.config, "configuration of the run (default: the preset of KuDA for --like)");
  program.add_option("--profile", workload.changes.profile, "the model's profile");
  program.add_option("--set", workload.changes.sets, "one key of docs/configuration.md; may repeat")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  program
      .add_option("--precision", options.precision,
                  std::string("of steps and scores: ") + kPrecisionHelp + "; int8, of scores alone")
      ->capture_default_str();
  program.add_option("--cases", options.cases, "regular expression: cases in whose name it is found");
  program.add_option("--threads", options.threads, "of LibTorch")->check(CLI::PositiveNumber)->capture_default_str();
  program.add_option("--repeats", options.repeats, "rounds over all cases")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  program.add_option("--json", options.json, "file for bench/compare.py");
  CLI11_PARSE(program, argc, argv);

  workload.precision = precision_from(options.precision);
  if (workload.encoder.empty()) {
    const auto small = root / "encoders/minilm";
    workload.encoder = fs::exists(small / "config.json") ? small.string() : kBertBase;
  }
  if (workload.config.empty()) workload.config = (root / "configs" / ("kuda_" + workload.like + ".toml")).string();
  torch::set_num_threads(options.threads);
  set_log_sink([](LogLevel level, const std::string& message) {
    if (level == LogLevel::warning) say(message);  // the data are opened again and again
  });
  const auto result = time_cases(options);
  std::cout << result.table();
  if (!options.json.empty()) write_file(options.json, result.to_json());
  return 0;
}

}  // namespace
}  // namespace kuda

int main(int argc, char** argv) {
  try {
    return kuda::run(argc, argv);
  } catch (const kuda::Error& error) {
    fmt::print(stderr, "kuda_bench: {}\n", error.what());
    return error.exit_code();
  } catch (const std::exception& error) {
    fmt::print(stderr, "kuda_bench: {}\n", error.what());
    return 1;
  }
}
