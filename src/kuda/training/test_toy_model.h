#pragma once
// A small model with dropout, a buffer that changes and a frozen parameter, and clips for it. For tests only.

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <limits>
#include <memory>
#include <numeric>

#include "kuda/base/progress.h"
#include "kuda/base/test_support.h"
#include "kuda/training/trainer.h"

namespace kuda::test {

inline constexpr std::int64_t kClips = 22, kWidth = 6;

class ToyModel final : public Model {
 public:
  explicit ToyModel(std::uint64_t seed, double dropout = 0.3) {
    torch::manual_seed(seed);
    hidden_ = register_module("hidden", torch::nn::Linear(kWidth, 8));
    norm_ = register_module("norm", torch::nn::BatchNorm1d(8));
    dropout_ = register_module("dropout", torch::nn::Dropout(dropout));
    output_ = register_module("output", torch::nn::Linear(8, 1));
    frozen_ = register_parameter("frozen", torch::ones({3}), /*requires_grad=*/false);
    seen_ = register_buffer("seen", torch::zeros({kClips}));  // state across batches, by row
  }
  Output forward(const Batch& batch, Trace*) override {
    const auto x = hidden_(batch.audio.values.mean(1));  // [B, 8]
    const auto y = use_norm ? norm_(x) : x;
    if (is_training()) seen_.index_put_({torch::tensor(batch.rows)}, as_float32(y.detach().mean(1)));
    Output output;
    output.score = output_(dropout_(torch::tanh(y))).squeeze(1);
    output.unimodal.audio = output.score * 0.5;
    return output;
  }
  Losses loss(const Output& output, const Batch& batch) override {
    auto task = (output.score - batch.label).abs().mean();
    if (poison) task = poison(task);
    // The buffer enters the loss, so a run that lost it would differ.
    const auto drift = 0.01 * (output.score * seen_.index({torch::tensor(batch.rows)})).mean();
    return use_drift ? Losses{task + drift, {{"task", task}, {"drift", drift}}} : Losses{task, {{"task", task}}};
  }
  [[nodiscard]] bool has_independent_batches() const override { return !use_norm && !use_drift; }
  void begin_epoch(std::int64_t epoch, std::int64_t) override {
    last_epoch = epoch;
    if (at_epoch) at_epoch();
  }

  bool use_norm = true, use_drift = true;
  std::int64_t last_epoch = -1;
  std::function<torch::Tensor(torch::Tensor)> poison;
  std::function<void()> at_epoch;

 private:
  torch::nn::Linear hidden_{nullptr}, output_{nullptr};
  torch::nn::BatchNorm1d norm_{nullptr};
  torch::nn::Dropout dropout_{nullptr};
  torch::Tensor frozen_, seen_;
};

/// Clip i: three frames drawn from a fixed stream, a label that is linear in their mean.
inline Batch toy_batch(const std::vector<std::int64_t>& rows) {
  static const auto clips = [] {
    const auto generator = at::make_generator<at::CPUGeneratorImpl>(5);
    return torch::randn({kClips, 3, kWidth}, generator);
  }();
  static const auto weight = torch::linspace(-1, 1, kWidth);
  Batch batch;
  batch.rows = rows;
  for (const auto row : rows) batch.ids.push_back("clip_" + std::to_string(row));
  batch.audio.values = clips.index_select(0, torch::tensor(rows));
  batch.label = batch.audio.values.mean(1).mv(weight);
  return batch;
}

inline std::vector<std::int64_t> range(std::int64_t begin, std::int64_t end) {
  std::vector<std::int64_t> rows(std::size_t(end - begin));
  std::iota(rows.begin(), rows.end(), begin);
  return rows;
}

inline TrainingTask toy_task(std::uint64_t seed = 1, double dropout = 0.3) {
  TrainingTask task;
  task.name = "toy";
  task.identity = "toy data";
  task.model = std::make_shared<ToyModel>(seed, dropout);
  task.train = range(0, 14);
  task.valid = range(14, 18);
  task.test = range(18, kClips);
  task.collate = toy_batch;
  return task;
}

inline TrainConfig toy_config() {
  TrainConfig config;
  config.epochs = 4;
  config.batch_size = 4;  // 14 clips: 4 steps an epoch, the last with 2
  config.lr = 0.02;
  config.weight_decay = 0.01;
  config.schedule = Schedule::shifted;
  return config;
}

/// Calls `action` after every step.
class AtStep final : public Progress {
 public:
  explicit AtStep(std::function<void(const ProgressStep&)> action) : action_(std::move(action)) {}
  void step(const ProgressStep& step) override { action_(step); }
  void line(const std::string&) override {}

 private:
  std::function<void(const ProgressStep&)> action_;
};

}  // namespace kuda::test
