#include "kuda/evaluation/selfcheck.h"

#include <fmt/format.h>
#include <torch/torch.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>

#include "kuda/base/clock.h"
#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/checkpoint/small_encoder.h"
#include "kuda/data/sources/prepared.h"
#include "kuda/data/synth/synth.h"
#include "kuda/evaluation/scorer.h"
#include "kuda/runs/procedure.h"
#include "kuda/tensor/device.h"

namespace kuda {
namespace {

namespace fs = std::filesystem;

/// A folder that goes when this does, unless the caller named it.
class WorkFolder {
 public:
  explicit WorkFolder(const fs::path& given)
      : path_(given.empty() ? fs::temp_directory_path() / fmt::format("kuda-selfcheck-{}", ::getpid()) : given),
        is_own_(given.empty()) {
    fs::create_directories(path_);
  }
  WorkFolder(const WorkFolder&) = delete;
  WorkFolder& operator=(const WorkFolder&) = delete;
  ~WorkFolder() {
    std::error_code ignored;
    if (is_own_) fs::remove_all(path_, ignored);
  }
  [[nodiscard]] fs::path operator/(const std::string& name) const { return path_ / name; }

 private:
  fs::path path_;
  bool is_own_;
};

SynthOptions small_set() {
  SynthOptions options;
  options.train = 16;
  options.valid = 8;
  options.test = 8;
  return options;
}

/// Asks for a stop after some steps.
class StopAfter final : public Progress {
 public:
  StopAfter(int steps, std::atomic<bool>& stop) : steps_(steps), stop_(stop) {}
  void step(const ProgressStep&) override {
    if (--steps_ == 0) stop_ = true;
  }
  void line(const std::string&) override {}

 private:
  int steps_;
  std::atomic<bool>& stop_;
};

class Checks {
 public:
  explicit Checks(const SelfCheckOptions& options) : options_(options), folder_(options.folder) {
    for (const auto& name : options.models) names_.push_back(find_model(name).name);
    if (names_.empty())
      for (const auto& info : all_models()) names_.push_back(info.name);
    encoder_ = options.encoder;
    if (!encoder_.empty()) return;
    encoder_ = folder_ / "encoder";
    write_small_encoder(encoder_, /*layers=*/12);
  }

  std::vector<SelfCheck> all() {
    check("float32 matrix product against float64", [] { return matrix_product(); });
    check("synthetic clips: same seed, same bytes", [this] { return same_clips(); });
    for (const auto& name : names_) {
      check(name + ": trains on synthetic clips", [&] { return train_in(name, "first"); });
      check(name + ": same seed, same bytes", [&] { return same_again(name); });
      check(name + ": stopped and continued, same bytes", [&] { return stopped_and_continued(name); });
      check(name + ": saved and loaded, same scores", [&] { return loaded_scores(name); });
      check(name + ": one by one, same scores to 1e-5", [&] { return scored_one_by_one(name); });
    }
    return std::move(checks_);
  }

 private:
  using Finding = std::pair<bool, std::string>;

  void check(const std::string& name, const std::function<Finding()>& look) {
    const auto start = Clock::now();
    SelfCheck result{name, "", false, 0};
    try {
      std::tie(result.is_good, result.found) = look();
    } catch (const std::exception& error) {
      result.found = error.what();
    }
    result.seconds = seconds_since(start);
    checks_.push_back(result);
    if (options_.on_check) options_.on_check(result);
  }

  static Finding matrix_product() {
    torch::manual_seed(1);
    const auto a = torch::randn({256, 256}), b = torch::randn({256, 256});
    const double error = (a.matmul(b) - a.to(torch::kFloat64).matmul(b.to(torch::kFloat64))).abs().max().item<double>();
    return {error < 1e-3, fmt::format("largest error {:.1e}", error)};  // sums of 256 products: about 1e-5
  }

  Finding same_clips() {
    const auto first = make_synthetic(small_set()), second = make_synthetic(small_set());
    write_prepared(folder_ / "clips", first);
    return {first.fingerprint == second.fingerprint, first.fingerprint.substr(0, 12)};
  }

  RunConfig config_for(const std::string& model) const {
    auto config = RunConfig::load(
        {}, {"",
             {"model=" + model, "train.epochs=2", "pretrain.epochs=1", "train.batch_size=8", "pretrain.batch_size=16",
              "train.schedule=constant", "train.select=last", "pretrain.schedule=constant", "data.text_length=16",
              "data.vision_length=12", "data.audio_length=12"}});
    config.data = (folder_ / "clips").string();
    config.encoder = encoder_.string();
    config.device = options_.device;
    return config;
  }

  Finding train_in(const std::string& model, const std::string& name) {
    auto config = config_for(model);
    NoProgress silent;
    const std::atomic<bool> stop{false};
    (void)run_training(config, folder_ / (model + "-" + name), silent, stop);
    return {true,
            fmt::format("{} scores", read_predictions(folder_ / (model + "-" + name) / "predictions.csv").size())};
  }

  Finding equal_files(const std::string& model, const std::string& name) const {
    for (const char* file : {"model/model.safetensors", "predictions.csv"})
      if (read_file(folder_ / (model + "-first") / file) != read_file(folder_ / (model + "-" + name) / file))
        return {false, fmt::format("{} differs", file)};
    return {true, sha256_of_file(folder_ / (model + "-first") / "model" / "model.safetensors").substr(0, 12)};
  }

  Finding same_again(const std::string& model) {
    (void)train_in(model, "second");
    return equal_files(model, "second");
  }

  Finding stopped_and_continued(const std::string& model) {
    auto config = config_for(model);
    // Pretraining from the first run, so that the stop falls into the main task: after its first step of four.
    if (const auto pretrained = folder_ / (model + "-first") / "pretrain"; fs::exists(pretrained))
      config.pretrained = pretrained.string();
    std::atomic<bool> stop{false};
    StopAfter progress(1, stop);
    const auto out = folder_ / (model + "-stopped");
    try {
      (void)run_training(config, out, progress, stop);
      return {false, "it did not stop"};
    } catch (const Interrupted&) {
      stop = false;
    }
    (void)run_training(config, out, progress, stop);
    return equal_files(model, "stopped");
  }

  /// The model as it was saved, in batches of the run's size: every bit must agree.
  Finding loaded_scores(const std::string& model) const {
    const auto dataset = open_dataset(folder_ / "clips");
    const auto checkpoint = load_checkpoint(folder_ / (model + "-first"));
    const auto device = device_of(options_.device);
    checkpoint.model->to(device);
    const auto collator = make_collator(checkpoint, dataset, {});
    const auto collate = [&](const std::vector<std::int64_t>& rows) { return collator(rows); };
    return compare(model, dataset, 0, [&](const std::vector<std::int64_t>& rows) {
      return predict_rows(*checkpoint.model, collate, rows, {.batch_size = 8, .device = device});
    });
  }

  /// As users score: with prepared weights (tensor/linear.h), which round in another order, and in other batches.
  Finding scored_one_by_one(const std::string& model) const {
    const auto dataset = open_dataset(folder_ / "clips");
    ScoringOptions scoring;
    scoring.batch_size = 1;
    scoring.device = options_.device;
    const Scorer scorer(folder_ / (model + "-first"), dataset, scoring);
    return compare(model, dataset, 1e-5, [&](const auto& rows) { return scorer.predict(rows); });
  }

  /// With the predictions of the run itself.
  template <class Score>
  Finding compare(const std::string& model, const Dataset& dataset, double tolerance, const Score& score) const {
    const auto before = read_predictions(folder_ / (model + "-first") / "predictions.csv");
    std::vector<std::string> ids;
    for (const auto& prediction : before) ids.push_back(prediction.id);
    const auto again = score(rows_of_clips(dataset, ids));
    double largest = 0;
    for (std::size_t i = 0; i < before.size(); ++i)
      largest = std::max(largest, std::abs(double(again.at(i).score) - before[i].score));
    return {largest <= tolerance, fmt::format("largest difference {:.1e}", largest)};
  }

  const SelfCheckOptions& options_;
  WorkFolder folder_;
  fs::path encoder_;
  std::vector<std::string> names_;
  std::vector<SelfCheck> checks_;
};

}  // namespace

std::vector<SelfCheck> self_check(const SelfCheckOptions& options) { return Checks(options).all(); }

}  // namespace kuda
