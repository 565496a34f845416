#include "kuda/training/optimizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "kuda/base/error.h"
#include "kuda/tensor/tensor.h"
#include "kuda/training/test_toy_model.h"

namespace kuda {
namespace {

using testing::HasSubstr;
using torch::Tensor;

/// Two scalars in two groups, the second with its own rate and decay.
class TwoGroups final : public Model {
 public:
  TwoGroups() {
    first_ = register_parameter("first", torch::full({1}, 2.0));
    second_ = register_parameter("second", torch::full({1}, 2.0));
  }
  Output forward(const Batch&, Trace*) override { return {}; }
  Losses loss(const Output&, const Batch&) override { return {}; }
  std::vector<ParameterGroup> parameter_groups() override {
    std::vector<ParameterGroup> groups{{{first_}, 1.0, -1}, {{}, 5.0, -1}, {{second_}, 10.0, 0.0}};
    groups[2].is_scheduled = is_second_scheduled;
    return groups;
  }
  void set_gradients(float first, float second) {
    first_.mutable_grad() = torch::full({1}, first);
    second_.mutable_grad() = torch::full({1}, second);
  }
  [[nodiscard]] double first() const { return first_.item<double>(); }
  [[nodiscard]] double second() const { return second_.item<double>(); }
  bool is_second_scheduled = true;

 private:
  Tensor first_, second_;
};

/// Sizes that fill the registers of a kernel and sizes that do not, in two groups.
class ManySizes final : public Model {
 public:
  ManySizes() {
    torch::manual_seed(3);
    const auto add = [&](const char* name, std::vector<std::int64_t> sizes) {
      register_parameter(name, torch::rand(sizes) - 0.5);
    };
    add("matrix", {37, 5});
    add("rare", {13});
    add("square", {32, 32});
    add("one", {1});
  }
  Output forward(const Batch&, Trace*) override { return {}; }
  Losses loss(const Output&, const Batch&) override { return {}; }
  std::vector<ParameterGroup> parameter_groups() override {
    const auto all = parameters();
    return {{{all[0], all[1]}, 1.0, -1}, {{all[2], all[3]}, 5.0, 0.25}};
  }
};

/// The update of one tensor as the papers write it, in double precision.
struct PlainUpdate {
  Tensor value, first, second;
  std::int64_t steps = 0;
  explicit PlainUpdate(const Tensor& parameter)
      : value(parameter.detach().to(torch::kFloat64)),
        first(torch::zeros_like(value)),
        second(torch::zeros_like(value)) {}
  void step(const Tensor& of_loss, const TrainConfig& config, double rate, double weight_decay) {
    auto gradient = of_loss.to(torch::kFloat64);
    if (config.optimizer == OptimizerKind::sgd) {
      first = config.betas[0] * first + gradient + weight_decay * value;
      value = value - rate * first;
      return;
    }
    if (config.optimizer == OptimizerKind::adam)
      gradient = gradient + weight_decay * value;
    else
      value = value * (1 - rate * weight_decay);
    ++steps;
    first = config.betas[0] * first + (1 - config.betas[0]) * gradient;
    second = config.betas[1] * second + (1 - config.betas[1]) * gradient.square();
    const double correction = std::sqrt(1 - std::pow(config.betas[1], double(steps)));
    const auto root = config.optimizer == OptimizerKind::adamw_transformers ? (second.sqrt() + config.eps) / correction
                                                                            : second.sqrt() / correction + config.eps;
    value = value - rate / (1 - std::pow(config.betas[0], double(steps))) * first / root;
  }
};

TrainConfig config_of(double lr, double weight_decay) {
  TrainConfig config;
  config.lr = lr;
  config.weight_decay = weight_decay;
  return config;
}

TEST(Optimizer, GroupsHaveTheirOwnRateAndDecay) {
  TwoGroups model;
  Optimizer optimizer(model, config_of(0.01, 0.5));
  optimizer.set_rate(0.02);
  model.set_gradients(3, 3);
  optimizer.step();
  // The first AdamW step is lr * sign(gradient), after the decay lr * weight_decay * w. float32: 1e-6.
  EXPECT_NEAR(model.first(), 2 - 0.02 * 0.5 * 2 - 0.02, 1e-6);
  EXPECT_NEAR(model.second(), 2 - 0.2, 1e-6) << "ten times the rate, no decay";
}

TEST(Optimizer, EveryStepIsThePlainUpdate) {
  for (const auto kind :
       {OptimizerKind::adamw, OptimizerKind::adam, OptimizerKind::adamw_transformers, OptimizerKind::sgd}) {
    ManySizes model;
    auto config = config_of(0.01, 0.1);
    config.optimizer = kind;
    config.betas = {0.8, 0.99};
    config.eps = 1e-3;  // large enough to be seen
    Optimizer optimizer(model, config);
    const auto parameters = model.parameters();
    std::vector<PlainUpdate> expected(parameters.begin(), parameters.end());
    for (int step = 1; step <= 6; ++step) {
      const double lr = 0.01 / step;
      optimizer.set_rate(lr);
      for (std::size_t i = 0; i < parameters.size(); ++i) {
        if (i == 1 && step % 2 == 0) continue;  // "rare" has no gradient in every second step
        const auto gradient = torch::randn_like(parameters[i]);
        parameters[i].mutable_grad() = gradient;
        expected[i].step(gradient, config, i < 2 ? lr : 5 * lr, i < 2 ? 0.1 : 0.25);
      }
      optimizer.step();
      for (std::size_t i = 0; i < parameters.size(); ++i)  // float32 of values below one, some roundings a step
        EXPECT_LT((parameters[i] - expected[i].value).abs().max().item<double>(), 1e-6)
            << name_of(kind) << ", step " << step << ", parameter " << i;
    }
    const auto state = optimizer.state();
    EXPECT_EQ(state.at("optimizer/matrix/steps").to_integers("steps")[0], 6);
    EXPECT_EQ(state.at("optimizer/rare/steps").to_integers("steps")[0], 3);
  }
}

TEST(Optimizer, AParameterWithoutAGradientStays) {
  TwoGroups model;
  Optimizer optimizer(model, config_of(0.1, 0.5));
  model.set_gradients(1, 1);
  optimizer.step();
  const double before = model.first();
  const auto state = optimizer.state();
  const auto moment = io::to_tensor(state.at("optimizer/first/first")).item<double>();
  model.set_gradients(1, 1);
  model.named_parameters()["first"].mutable_grad() = Tensor();
  optimizer.step();
  EXPECT_EQ(model.first(), before) << "no decay either";
  EXPECT_EQ(io::to_tensor(optimizer.state().at("optimizer/first/first")).item<double>(), moment);
  EXPECT_NE(model.second(), 2 - 1.0);
}

TEST(Optimizer, TheLayoutOfAGradientDoesNotMatter) {
  ManySizes one, two;
  Optimizer first(one, config_of(0.1, 0.1)), second(two, config_of(0.1, 0.1));
  const auto gradient = torch::randn({5, 37}).t();  // [37, 5], not contiguous
  one.named_parameters()["matrix"].mutable_grad() = gradient;
  two.named_parameters()["matrix"].mutable_grad() = gradient.contiguous();
  one.named_parameters()["square"].mutable_grad() = torch::ones({1, 1}).expand({32, 32});  // one number in memory
  two.named_parameters()["square"].mutable_grad() = torch::ones({32, 32});
  first.step();
  second.step();
  for (const char* name : {"matrix", "square"})
    EXPECT_TRUE(torch::equal(one.named_parameters()[name], two.named_parameters()[name])) << name;
}

TEST(Optimizer, TheOlderAdamWAddsEpsToTheUncorrectedRoot) {
  TwoGroups model;
  auto config = config_of(0.01, 0);
  config.optimizer = OptimizerKind::adamw_transformers;
  config.eps = 0.1;  // as large as the root of the moment, so that its place matters
  double expected = 2, m = 0, v = 0;
  std::map<std::string, io::Array> state;
  const std::vector<float> gradients{0.5F, -1, 2};
  for (std::size_t t = 1; t <= 3; ++t) {
    Optimizer optimizer(model, config);
    optimizer.load(state);  // a continued run counts on
    model.set_gradients(gradients[t - 1], 0);
    optimizer.step();
    m = 0.9 * m + 0.1 * gradients[t - 1];
    v = 0.999 * v + 0.001 * gradients[t - 1] * gradients[t - 1];
    const double rate = 0.01 * std::sqrt(1 - std::pow(0.999, t)) / (1 - std::pow(0.9, t));
    expected -= rate * m / (std::sqrt(v) + 0.1);
    EXPECT_NEAR(model.first(), expected, 1e-6) << "step " << t;  // float32 of values of order one
    for (const auto& [key, array] : optimizer.state()) state[key] = io::to_array(io::to_tensor(array).clone());
  }
}

TEST(Optimizer, SgdContinuesFromItsMomentum) {
  TwoGroups model;
  auto config = config_of(0.1, 0.5);
  config.optimizer = OptimizerKind::sgd;
  double expected = 2, momentum = 0;
  std::map<std::string, io::Array> state;
  for (const float gradient : {0.5F, -1.0F, 2.0F}) {
    Optimizer optimizer(model, config);
    optimizer.load(state);
    model.set_gradients(gradient, 0);
    optimizer.step();
    momentum = 0.9 * momentum + gradient + 0.5 * expected;
    expected -= 0.1 * momentum;
    EXPECT_NEAR(model.first(), expected, 1e-6) << "float32 of values of order one";
    state.clear();
    for (const auto& [key, array] : optimizer.state()) state[key] = io::to_array(io::to_tensor(array).clone());
    EXPECT_EQ(state.size(), 4U) << "momentum and steps of two parameters";
  }
}

TEST(Optimizer, ClipsValuesThenTheNorm) {
  // With a large eps the first step is close to lr * g / eps: it shows the size of the gradient.
  const auto step_of = [](double clip_value, double clip_norm) {
    TwoGroups model;
    auto config = config_of(1, 0);
    config.eps = 1e4;
    config.clip_value = clip_value;
    config.clip_norm = clip_norm;
    Optimizer optimizer(model, config);
    model.set_gradients(30, 40);
    optimizer.step();
    return std::pair((2 - model.first()) * 1e4, (2 - model.second()) * 1e3);
  };
  EXPECT_NEAR(step_of(0, 0).first, 30, 0.2);  // eps + |g| instead of eps: 0.4 percent; float32 of 2 - 1e-3: 0.002
  EXPECT_NEAR(step_of(0, 0).second, 40, 0.3);
  EXPECT_NEAR(step_of(35, 0).first, 30, 0.2);
  EXPECT_NEAR(step_of(35, 0).second, 35, 0.3);
  EXPECT_NEAR(step_of(0, 10).first, 6, 0.05) << "norm 50 becomes 10";
  EXPECT_NEAR(step_of(0, 10).second, 8, 0.05);
}

TEST(Optimizer, StateGoesToAnotherOptimizerByName) {
  TwoGroups one, two;
  Optimizer first(one, config_of(0.1, 0.1)), second(two, config_of(0.1, 0.1));
  for (const float gradient : {1.0F, -0.3F, 0.7F}) {
    one.set_gradients(gradient, 2 * gradient);
    first.step();
  }
  const auto state = first.state();
  EXPECT_EQ(state.size(), 6U);
  EXPECT_TRUE(state.contains("optimizer/second/steps"));
  second.load(state);
  {
    const torch::NoGradGuard no_grad;
    for (const auto& item : one.named_parameters()) two.named_parameters()[item.key()].copy_(item.value());
  }
  for (auto* model : {&one, &two}) model->set_gradients(0.5F, -0.5F);
  first.step();
  second.step();
  EXPECT_EQ(one.first(), two.first());
  EXPECT_EQ(one.second(), two.second());
}

TEST(Optimizer, AGroupOutsideTheScheduleKeepsItsRate) {
  TwoGroups model;
  model.is_second_scheduled = false;
  Optimizer optimizer(model, config_of(0.1, 0));
  optimizer.set_rate(0.05);
  model.set_gradients(1, 1);
  optimizer.step();
  EXPECT_NEAR(model.first(), 2 - 0.05, 1e-6) << "float32";
  EXPECT_NEAR(model.second(), 2 - 1, 1e-6) << "ten times the highest rate, as ever";
}

TEST(Optimizer, WhatHasNoMomentsInTheStateBeginsAnew) {
  TwoGroups model;
  Optimizer optimizer(model, config_of(0.1, 0));
  const auto fresh = optimizer.state();
  model.set_gradients(1, 1);
  optimizer.step();
  EXPECT_EQ(optimizer.state().size(), 6U);
  optimizer.load(fresh);
  EXPECT_TRUE(optimizer.state().empty());
}

TEST(Optimizer, RefusesMomentsOfAnotherShape) {
  TwoGroups model;
  Optimizer optimizer(model, config_of(0.1, 0));
  model.set_gradients(1, 1);
  optimizer.step();
  auto state = optimizer.state();
  state["optimizer/first/second"] = io::make_array({2}, std::vector<float>{1, 2});
  EXPECT_THAT(test::error_of<CheckpointError>([&] { optimizer.load(state); }),
              HasSubstr("optimizer/first/second: expected [1], found [2] float32"));
}

TEST(Optimizer, NamesTheParameterWhoseGradientIsNotFinite) {
  TwoGroups model;
  Optimizer optimizer(model, config_of(0.1, 0));
  EXPECT_EQ(optimizer.first_non_finite(), "") << "no gradient yet";
  model.set_gradients(1, 3e38F);
  EXPECT_EQ(optimizer.first_non_finite(), "");
  model.set_gradients(1, std::numeric_limits<float>::infinity());
  EXPECT_EQ(optimizer.first_non_finite(), "second");
}

TEST(TrainConfig, ChecksWhatOneFieldCannot) {
  TrainConfig config;
  config.betas = {0.9};
  EXPECT_THAT(test::error_of<ConfigError>([&] { config.check("train"); }), HasSubstr("train.betas"));
  config.betas = {0.9, 1.0};
  EXPECT_THROW(config.check("train"), ConfigError);
}

TEST(PretrainConfig, EpochsPerTaskUnlessOneNumberIsGiven) {
  PretrainConfig config;
  EXPECT_EQ(config.for_task(Modality::audio).epochs, 50);
  EXPECT_EQ(config.for_task(Modality::text).epochs, 100);
  config.epochs = 3;
  EXPECT_EQ(config.for_task(Modality::audio).epochs, 3);
  EXPECT_EQ(config.for_task(Modality::audio).lr, 1e-4);
}

}  // namespace
}  // namespace kuda
