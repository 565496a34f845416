#include "kuda/checkpoint/schedule.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "kuda/base/error.h"
#include "kuda/base/test_support.h"

namespace kuda {
namespace {

TEST(Schedule, EqualsThePublishedRates) {
  const auto path = test::shared_file("golden/common/schedule.json");
  if (!std::filesystem::exists(path)) GTEST_SKIP() << path << " is absent";
  std::size_t compared = 0;
  const auto facts = nlohmann::json::parse(std::ifstream(path));
  for (const auto& fact : facts.at("cases")) {
    const std::int64_t epochs = fact.at("n_epochs");
    const auto bases = fact.at("base_lr").get<std::vector<double>>();
    for (std::int64_t epoch = 0; epoch < epochs; ++epoch)
      for (std::size_t group = 0; group < bases.size(); ++group, ++compared) {
        const auto& stored = fact.at("lr_per_epoch")[std::size_t(epoch)];
        const double expected = stored.is_array() ? stored[group].get<double>() : stored.get<double>();
        // The file's own rule: relative 1e-9, absolute 1e-15 near 0.
        EXPECT_NEAR(learning_rate(Schedule::released, bases[group], epoch, epochs), expected,
                    std::max(1e-15, 1e-9 * std::abs(expected)))
            << epochs << " epochs, epoch " << epoch + 1;
      }
  }
  EXPECT_GT(compared, 400U);
}

TEST(Schedule, ReleasedHasAnIdleFirstEpochAndShiftedHasNone) {
  const std::vector<double> ten{0,   1,       1,       .969846, .883022,
                                .75, .586824, .413176, .25,     .116978};  // rates of MKMaS-GUET/KuDA over ten epochs
  for (std::int64_t epoch = 0; epoch < 10; ++epoch)
    EXPECT_NEAR(learning_rate(Schedule::released, 1, epoch, 10), ten[std::size_t(epoch)], 1e-6);
  for (std::int64_t epoch = 0; epoch < 9; ++epoch)
    EXPECT_DOUBLE_EQ(learning_rate(Schedule::shifted, 1, epoch, 10),
                     learning_rate(Schedule::released, 1, epoch + 1, 10));
  EXPECT_DOUBLE_EQ(learning_rate(Schedule::shifted, 1, 0, 50), 0.2) << "1 / w with w = 5";
  EXPECT_GT(learning_rate(Schedule::shifted, 1, 9, 10), 0);
  EXPECT_GT(learning_rate(Schedule::shifted, 1, 0, 1), 0) << "a single epoch must train";
}

TEST(Schedule, OtherWarmUpsAndNames) {
  EXPECT_EQ(learning_rate(Schedule::constant, 0.5, 3, 10), 0.5);
  EXPECT_EQ(learning_rate(Schedule::released, 1, 0, 10, 0), 1) << "no warm-up: no idle epoch";
  EXPECT_DOUBLE_EQ(learning_rate(Schedule::released, 1, 2, 8, 0.5), 0.5);
  EXPECT_DOUBLE_EQ(learning_rate(Schedule::released, 1, 3, 4, 1), 0.75) << "warm-up over the whole run";
  EXPECT_THROW((void)learning_rate(Schedule::plateau, 1, 0, 10), ConfigError) << "needs more than the epoch";
}

TEST(Schedule, ReloadComesBackToTheBestEpochAndItsRate) {
  TrainConfig config;
  config.lr = 1;
  config.schedule = Schedule::reload;
  config.patience = 1;
  config.decay = 0.5;
  const auto at = [&](std::vector<double> values) { return reload_point(config, values); };
  EXPECT_EQ(at({}).rate, 1);
  EXPECT_FALSE(at({3, 4}).is_due) << "one bad epoch is borne";
  EXPECT_TRUE(at({3, 4, 4}).is_due);
  EXPECT_EQ(at({3, 4, 4}).rate, 0.5);
  EXPECT_FALSE(at({3, 4, 4, 4}).is_due) << "the count begins anew";
  EXPECT_TRUE(at({3, 4, 4, 4, 3}).is_due) << "equal is not better";
  EXPECT_EQ(at({3, 4, 4, 4, 3}).rate, 0.5) << "half of the rate of the best epoch, which was 1";
  EXPECT_EQ(at({3, 4, 4, 2, 4, 4}).rate, 0.25) << "the best epoch ran at 0.5";
  EXPECT_EQ(at({3, 4, 4, 2, 4, 4}).reloads, 2);
  EXPECT_FALSE(at({3, 4, 4, 2}).is_due);
  EXPECT_EQ(learning_rate(config, std::vector<double>{3, 4, 4}), 0.5);
}

TEST(Schedule, MultiStepFallsAfterTheNamedEpochs) {
  TrainConfig config;
  config.schedule = Schedule::multi_step;
  config.lr = 0.8;
  config.decay = 0.5;
  config.decay_at = {5, 2, 5};  // torch.optim.lr_scheduler.MultiStepLR takes any order and counts what stands twice
  std::vector<double> rates, values;
  for (std::int64_t epoch = 0; epoch < 7; ++epoch, values.push_back(0)) rates.push_back(learning_rate(config, values));
  EXPECT_EQ(rates, (std::vector<double>{0.8, 0.8, 0.4, 0.4, 0.4, 0.1, 0.1}));
  config.decay_at = {1, 2, 3, 4, 5, 6};  // the published "exp" falls after every epoch
  auto step = config;
  step.schedule = Schedule::step;
  step.decay_every = 1;
  EXPECT_EQ(learning_rate(config, values), learning_rate(step, values) * 2) << "seven epochs, six of them named";
}

TEST(Schedule, MultiStepNeedsItsEpochs) {
  TrainConfig config;
  config.schedule = Schedule::multi_step;
  EXPECT_THROW(config.check("train"), ConfigError);
  config.decay_at = {3};
  EXPECT_NO_THROW(config.check("train"));
}

TEST(Schedule, LinearRisesAndFallsByTheStep) {
  TrainConfig config;
  config.schedule = Schedule::linear;
  config.lr = 0.5;
  config.epochs = 2;
  config.warmup = 0.4;
  std::vector<double> rates, values;  // T = 10: up over 4 steps from 0, down over 6
  for (std::int64_t epoch = 0; epoch < 2; ++epoch, values.push_back(0))
    for (std::int64_t step = 0; step < 5; ++step) rates.push_back(learning_rate(config, values, step, 5) / config.lr);
  const std::vector<double> expected{0, 0.25, 0.5, 0.75, 1, 5. / 6, 4. / 6, 3. / 6, 2. / 6, 1. / 6};
  for (std::size_t i = 0; i < 10; ++i) EXPECT_DOUBLE_EQ(rates[i], expected[i]) << i;
  config.warmup = 0;
  EXPECT_DOUBLE_EQ(learning_rate(config, {}, 0, 5), config.lr);
  config.schedule = Schedule::shifted;
  EXPECT_EQ(learning_rate(config, {}, 3, 5), learning_rate(config, {})) << "the others go by epoch";
}

}  // namespace
}  // namespace kuda
