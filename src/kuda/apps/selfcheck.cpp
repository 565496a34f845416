// kuda selfcheck: does this build compute what it should on this machine? Small, made data; under a minute.

#include <fmt/format.h>
#include <torch/torch.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include <chrono>
#include <cmath>
#include <filesystem>
#include <iostream>
#include <memory>

#include "kuda/apps/scoring.h"
#include "kuda/apps/table.h"
#include "kuda/apps/verbs.h"
#include "kuda/apps/version.h"
#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/data/prepared.h"
#include "kuda/data/synth.h"
#include "kuda/training/procedure.h"
#include "kuda/training/small_encoder.h"

namespace kuda {

namespace {

namespace fs = std::filesystem;

/// A folder that goes when this does.
class ScratchFolder {
 public:
  ScratchFolder() : path_(fs::temp_directory_path() / fmt::format("kuda-selfcheck-{}", getpid())) {
    fs::create_directories(path_);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  ~ScratchFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  [[nodiscard]] const fs::path& path() const noexcept { return path_; }

 private:
  fs::path path_;
};

struct Check {
  std::string name, result;
  bool is_good = false;
};

Check matrix_product() {
  torch::manual_seed(1);
  const auto a = torch::randn({256, 256}), b = torch::randn({256, 256});
  const double error = (a.matmul(b) - a.to(torch::kFloat64).matmul(b.to(torch::kFloat64))).abs().max().item<double>();
  return {"float32 matrix product against float64", fmt::format("largest error {:.1e}", error), error < 1e-3};
}

SynthOptions small_set() {
  SynthOptions options;
  options.train = 24;
  options.valid = 8;
  options.test = 8;
  return options;
}

Check same_data_twice() {
  const auto first = make_synthetic(small_set()), second = make_synthetic(small_set());
  return {"synthetic clips: same seed, same bytes", first.fingerprint.substr(0, 12),
          !first.fingerprint.empty() && first.fingerprint == second.fingerprint};
}

RunConfig small_run(const fs::path& data, const std::string& encoder) {
  auto config = RunConfig::load({}, {"masked",
                                     {"train.epochs=1", "pretrain.epochs=1", "train.schedule=constant",
                                      "pretrain.schedule=constant", "kuda.blocks=1"}});
  config.data = data.string();
  config.encoder = encoder;
  return config;
}

Check same_run_twice(const ScratchFolder& scratch, const std::string& encoder) {
  NoProgress silent;
  const std::atomic<bool> stop{false};
  std::vector<std::string> weights, predictions;
  for (const char* name : {"first", "second"}) {
    const auto folder = scratch.path() / name;
    auto config = small_run(scratch.path() / "clips", encoder);
    run_training(config, folder, silent, stop);
    weights.push_back(sha256_of_file(folder / "model" / "model.safetensors"));
    predictions.push_back(read_file(folder / "predictions.csv"));
  }
  return {"training: same seed, same bytes", weights[0].substr(0, 12),
          weights[0] == weights[1] && predictions[0] == predictions[1]};
}

Check any_batch_size(const ScratchFolder& scratch) {
  const auto dataset = open_dataset(scratch.path() / "clips");
  const auto rows = dataset.rows(Split::test);
  ScoringOptions together, alone;
  together.batch_size = 8;
  alone.batch_size = 1;
  const auto first = Scorer(scratch.path() / "first", dataset, together).predict(rows);
  const auto second = Scorer(scratch.path() / "first", dataset, alone).predict(rows);
  float error = 0;
  for (std::size_t i = 0; i < first.size(); ++i) error = std::max(error, std::abs(first[i].score - second[i].score));
  return {"scores in a batch of 8 against one by one", fmt::format("largest difference {:.1e}", error), error < 1e-5F};
}

void run(std::string encoder) {
  const ScratchFolder scratch;
  if (encoder.empty()) {
    encoder = (scratch.path() / "encoder").string();
    write_small_encoder(encoder, 6, 32);
  }
  write_prepared(scratch.path() / "clips", make_synthetic(small_set()));
  std::cout << fmt::format("{}, {} threads, CUDA {}\n\n", version_text(), torch::get_num_threads(),
                           torch::cuda::is_available() ? "available" : "not available");
  Table table({"check", "result", "", "s"});
  bool is_good = true;
  const auto add = [&](const std::function<Check()>& make) {
    const auto start = std::chrono::steady_clock::now();
    const auto check = make();
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    is_good = is_good && check.is_good;
    table.add({check.name, check.result, check.is_good ? "ok" : "FAILED", fmt::format("{:.1f}", seconds.count())});
  };
  add(matrix_product);
  add(same_data_twice);
  add([&] { return same_run_twice(scratch, encoder); });
  add([&] { return any_batch_size(scratch); });
  std::cout << table.text();
  if (!is_good) throw Error("selfcheck: a check failed, see the table");
}

}  // namespace

void add_selfcheck(CLI::App& program) {
  auto encoder = std::make_shared<std::string>();
  auto* verb = program.add_subcommand("selfcheck", "Check that this build computes what it should on this machine.");
  verb->add_option("--encoder", *encoder, "text encoder to check with (default: a made one with random weights)");
  verb->footer("Example:\n  kuda selfcheck --encoder encoders/minilm");
  verb->callback([encoder] { run(*encoder); });
}

}  // namespace kuda
