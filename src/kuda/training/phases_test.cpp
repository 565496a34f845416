// What a model may ask of the loop beyond one pass with one optimiser: phases, per-clip state, sums, lost batches.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <string>
#include <vector>

#include "kuda/base/error.h"
#include "kuda/checkpoint/schedule.h"
#include "kuda/tensor/state_dict.h"
#include "kuda/training/test_toy_model.h"

namespace kuda {
namespace {

using torch::Tensor;

/// Phase 0 moves `first` towards the mean label, phase 1 moves `second`; a bank holds the last output of every clip.
class TwoPhases final : public Model {
 public:
  TwoPhases() {
    first_ = register_parameter("first", torch::zeros({1}));
    second_ = register_parameter("second", torch::zeros({1}));
  }
  Output forward(const Batch& batch, Trace*) override {
    Output output;
    output.score = (phase == 0 ? first_ : first_.detach() + second_).expand({batch.size()});
    return output;
  }
  Losses loss(const Output& output, const Batch& batch) override {
    const auto task = (output.score - batch.label).square().mean();
    if (phase == 0) return {task, {{"first", torch::full({}, 2.0)}, {"task", task}}};
    return {task, {{"task", task}, {"second", torch::full({}, 3.0)}}};
  }
  std::vector<ParameterGroup> parameter_groups() override {
    return {{.parameters = {first_}, .lr_scale = 1, .weight_decay = -1, .lr = -1, .phase = 0},
            {.parameters = {second_}, .lr_scale = 1, .weight_decay = 0, .lr = 0.5, .phase = 1}};
  }
  void begin_training(const TrainingFacts& facts) override {
    labels = facts.labels();
    bank_ = register_buffer("bank", torch::zeros({std::int64_t(facts.rows.size())}));
  }
  [[nodiscard]] std::int64_t num_phases() const override { return 2; }
  void begin_phase(std::int64_t which, bool is_continued) override {
    phase = which;
    if (!is_continued) ++fresh_phases;
  }
  [[nodiscard]] std::int64_t phase_steps(std::int64_t which, std::int64_t steps) const override {
    return which == 0 ? (steps + 1) / 2 : steps;
  }
  void after_backward(const Output& output, const Batch& batch) override {
    bank_.index_put_({torch::tensor(batch.rows)}, output.score + bank_.sum());  // depends on the order of all before
    ++batches;
  }

  std::int64_t phase = 0, fresh_phases = 0, batches = 0;
  Tensor labels;

 private:
  Tensor first_, second_, bank_;
};

TrainingTask two_phase_task() {
  auto task = test::toy_task();
  task.model = std::make_shared<TwoPhases>();
  return task;
}

std::map<std::string, std::vector<float>> values_of(const Model& model) {
  std::map<std::string, std::vector<float>> values;
  for (const auto& [name, array] : state_of(model))
    for (const double value : array.to_doubles()) values[name].push_back(float(value));
  return values;
}

TEST(Phases, EachHasItsOptimiserItsRateAndItsSteps) {
  const auto task = two_phase_task();
  auto& model = dynamic_cast<TwoPhases&>(*task.model);
  std::vector<std::int64_t> totals;
  test::AtStep progress([&](const ProgressStep& step) { totals.push_back(step.steps); });
  (void)train(task, test::toy_config(), 3, {.state = test::scratch_folder("state"), .progress = &progress});
  EXPECT_EQ(model.labels.size(0), 14);
  EXPECT_EQ(model.fresh_phases, 8) << "two phases in each of four epochs";
  EXPECT_EQ(model.batches, 4 * (2 + 4)) << "phase 0 makes half of the four steps";
  EXPECT_EQ(totals, std::vector<std::int64_t>(24, 6));
}

TEST(Phases, StoppedAfterAnyStepItEndsWithTheSame) {
  const auto config = test::toy_config();
  const auto whole = two_phase_task();
  (void)train(whole, config, 3, {.state = test::scratch_folder("whole")});
  const auto expected = values_of(*whole.model);
  for (int k = 1; k < 24; ++k) {
    const auto state = test::scratch_folder("stopped");
    std::atomic<bool> stop{false};
    int done = 0;
    test::AtStep progress([&](const ProgressStep&) { stop = ++done == k; });
    EXPECT_THROW((void)train(two_phase_task(), config, 3, {.state = state, .progress = &progress, .stop = &stop}),
                 Interrupted);
    const auto again = two_phase_task();
    (void)train(again, config, 3, {.state = state});
    EXPECT_EQ(values_of(*again.model), expected) << "stopped after step " << k;
  }
}

TEST(Phases, TermsAreAddedByTheirNames) {
  const auto folder = test::scratch_folder("run");
  const auto result = train(two_phase_task(), test::toy_config(), 3, {folder / "state", folder / "epochs.jsonl"});
  for (const auto& record : result.history) {
    ASSERT_EQ(record.terms.size(), 3U);
    EXPECT_EQ(record.terms[0], std::pair(std::string("first"), 2.0)) << "the mean over the clips of its phase alone";
    EXPECT_EQ(record.terms[1].first, "task");
    EXPECT_EQ(record.terms[2], std::pair(std::string("second"), 3.0));
    EXPECT_EQ(record.loss, record.terms[1].second) << "the loss is this term, in both phases";
  }
}

/// epochs.jsonl without the seconds, which no two runs share.
std::vector<std::string> lines_of(const std::filesystem::path& file) {
  std::vector<std::string> lines;
  for (auto record : read_epochs(file)) {
    record.seconds = 0;
    lines.push_back(to_json(record));
  }
  return lines;
}

TEST(Phases, LinesOfEpochsDoNotDependOnWhereARunWasStopped) {
  const auto config = test::toy_config();
  const auto whole = test::scratch_folder("whole");
  (void)train(two_phase_task(), config, 3, {whole / "state", whole / "epochs.jsonl"});
  for (int k = 1; k < 24; ++k) {
    const auto folder = test::scratch_folder("stopped");
    std::atomic<bool> stop{false};
    int done = 0;
    test::AtStep progress([&](const ProgressStep&) { stop = ++done == k; });
    EXPECT_THROW(
        (void)train(two_phase_task(), config, 3, {folder / "state", folder / "epochs.jsonl", &progress, &stop}),
        Interrupted);
    (void)train(two_phase_task(), config, 3, {folder / "state", folder / "epochs.jsonl"});
    EXPECT_EQ(lines_of(folder / "epochs.jsonl"), lines_of(whole / "epochs.jsonl")) << "stopped after step " << k;
  }
}

/// The weight after one epoch of 14 clips in batches of 4 with plain options.
double first_after(const std::function<void(TrainConfig&)>& change) {
  auto task = two_phase_task();
  auto config = test::toy_config();
  config.epochs = 1;
  config.schedule = Schedule::constant;
  config.eps = 1;  // so that steps show the size of gradients
  change(config);
  (void)train(task, config, 3, {.state = test::scratch_folder("state")});
  return task.model->named_parameters()["first"].item<double>();
}

TEST(Accumulation, SumsOfBatchesAreLargerThanTheirMean) {
  const double mean = first_after([](TrainConfig& config) { config.accumulate = 2; });
  const double sum = first_after([](TrainConfig& config) {
    config.accumulate = 2;
    config.accumulate_as = Accumulation::sum;
  });
  EXPECT_GT(std::abs(sum), 1.2 * std::abs(mean));
}

TEST(Accumulation, AnIncompleteLastStepCanBeLost) {
  // Four batches in steps of three: the second step of a phase holds one batch only.
  auto task = two_phase_task();
  auto config = test::toy_config();
  config.epochs = 1;
  config.accumulate = 3;
  config.leftover = Leftover::drop;
  (void)train(task, config, 3, {.state = test::scratch_folder("state")});
  EXPECT_EQ(dynamic_cast<TwoPhases&>(*task.model).batches, 3 + 4) << "lost batches still update what is kept";
  config.accumulate = 5;
  auto none = two_phase_task();
  (void)train(none, config, 3, {.state = test::scratch_folder("none")});
  EXPECT_EQ(none.model->named_parameters()["first"].item<double>(), 0) << "fewer batches than a step: nothing moves";
}

TEST(Adam, DecayEntersTheGradient) {
  // One step: Adam's is -lr * g / (|g| + eps) with g = gradient + decay * weight; AdamW shrinks the weight instead.
  for (const auto kind : {OptimizerKind::adam, OptimizerKind::adamw}) {
    TwoPhases model;
    TrainConfig config;
    config.optimizer = kind;
    config.lr = 0.1;
    config.weight_decay = 0.5;
    config.eps = 1;
    Optimizer optimizer(model, config);
    auto weight = model.named_parameters()["first"];
    {
      const torch::NoGradGuard no_grad;
      weight.fill_(2);
    }
    weight.mutable_grad() = torch::full({1}, 0.5);
    optimizer.step();
    const double expected = kind == OptimizerKind::adam ? 2 - 0.1 * 1.5 / 2.5 : 2 * (1 - 0.1 * 0.5) - 0.1 * 0.5 / 1.5;
    EXPECT_NEAR(weight.item<double>(), expected, 1e-6) << name_of(kind);
    EXPECT_FALSE(weight.grad().defined()) << "cleared";
  }
}

TEST(Schedule, StepAndPlateauFollowTheEpochsBefore) {
  TrainConfig config;
  config.lr = 1;
  config.schedule = Schedule::step;
  config.decay_every = 2;
  config.decay = 0.5;
  std::vector<double> rates, values;
  for (int epoch = 0; epoch < 6; ++epoch) {
    rates.push_back(learning_rate(config, values));
    values.push_back(1);
  }
  EXPECT_EQ(rates, (std::vector<double>{1, 1, 0.5, 0.5, 0.25, 0.25}));
  config.schedule = Schedule::plateau;
  config.patience = 1;
  const auto rate = [&](std::vector<double> seen) { return learning_rate(config, seen); };
  EXPECT_EQ(rate({}), 1);
  EXPECT_EQ(rate({3, 2, 2}), 1) << "one bad epoch is borne";
  EXPECT_EQ(rate({3, 2, 2, 2.5}), 0.5);
  EXPECT_EQ(rate({3, 2, 2, 2.5, 1, 1, 1}), 0.25);
  EXPECT_EQ(rate({2, 1.9999, 1.9999}), 0.5) << "gains below a relative 1e-4 do not count";
  EXPECT_EQ(rate({2, 1.9997, 1.9997}), 1) << "gains above it do: the best is 1.9997, and one bad epoch is borne";
}

}  // namespace
}  // namespace kuda
