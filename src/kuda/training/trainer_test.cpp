#include "kuda/training/trainer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/data/collate.h"
#include "kuda/io/safetensors.h"
#include "kuda/tensor/state_dict.h"
#include "kuda/tensor/tensor.h"
#include "kuda/training/test_toy_model.h"

namespace kuda {
namespace {

using namespace test;
using test::error_of;
using test::scratch_folder;
using testing::HasSubstr;

/// All bytes of a model's state, in the order of names.
std::string bytes_of(const Model& model) {
  std::string bytes;
  for (const auto& [name, array] : state_of(model)) {
    std::string values(std::size_t(array.numel()) * io::item_size(array.dtype), '\0');
    io::copy_elements(array, reinterpret_cast<std::byte*>(values.data()));
    bytes += name + values;
  }
  return bytes;
}

std::string bytes_after(std::uint64_t seed, const std::string& folder) {
  const auto task = toy_task();
  (void)train(task, toy_config(), seed, {.state = scratch_folder(folder)});
  return bytes_of(*task.model);
}

double mean_error(const TrainingTask& task, const std::vector<std::int64_t>& rows) {
  double sum = 0;
  for (const auto& prediction : predict_rows(*task.model, task.collate, rows))
    sum += std::abs(prediction.score - prediction.label);
  return sum / double(rows.size());
}

TEST(Trainer, InBfloat16WeightsStayFloat32AndTheLossFalls) {
  auto task = toy_task(1, 0);
  auto config = toy_config();
  config.epochs = 30;
  config.schedule = Schedule::constant;
  config.precision = Precision::bf16_emulated;
  const auto result = train(task, config, 7, {.state = scratch_folder("state")});
  ASSERT_EQ(result.history.size(), 30U);
  for (const auto& record : result.history) EXPECT_TRUE(std::isfinite(record.loss) && std::isfinite(record.valid_mae));
  EXPECT_LT(result.history.back().loss, 0.5 * result.history.front().loss);
  for (const auto& item : task.model->named_parameters())
    EXPECT_EQ(item.value().scalar_type(), torch::kFloat32) << item.key();
  EXPECT_EQ(task.model->precision(), Precision::fp32) << "afterwards";
  auto exact = toy_task(1, 0);
  config.precision = Precision::fp32;
  (void)train(exact, config, 7, {.state = scratch_folder("exact")});
  EXPECT_NE(bytes_of(*exact.model), bytes_of(*task.model)) << "it was trained in float32";
}

TEST(Trainer, ThatFailsLeavesTheModelInFloat32) {
  auto task = toy_task(1, 0);
  task.valid.clear();
  auto config = toy_config();
  config.select = Selection::valid;
  config.precision = Precision::bf16_emulated;
  EXPECT_THROW((void)train(task, config, 7, {.state = scratch_folder("state")}), ConfigError);
  EXPECT_EQ(task.model->precision(), Precision::fp32);
}

TEST(Trainer, RefusesToTrainInInt8) {
  auto config = toy_config();
  config.precision = Precision::int8;
  EXPECT_THAT(error_of<ConfigError>([&] { (void)train(toy_task(), config, 1, {.state = scratch_folder("state")}); }),
              HasSubstr("int8 is for scoring"));
}

TEST(Trainer, TheLossFalls) {
  auto task = toy_task(1, 0);
  auto config = toy_config();
  config.epochs = 30;
  config.schedule = Schedule::constant;
  const auto result = train(task, config, 7, {.state = scratch_folder("state")});
  ASSERT_EQ(result.history.size(), 30U);
  EXPECT_LT(result.history.back().loss, 0.5 * result.history.front().loss);
  EXPECT_EQ(result.history[4].terms[0].first, "task");
  EXPECT_NEAR(result.history[4].loss, result.history[4].terms[0].second + result.history[4].terms[1].second, 1e-6)
      << "sums of float32 losses";
}

TEST(Trainer, ALinearRateGoesByStepFromZero) {
  const auto is_moved = [](Schedule schedule, std::int64_t batch_size) {
    const auto task = toy_task();
    auto config = toy_config();
    config.epochs = 1;
    config.schedule = schedule;
    config.warmup = 0.4;
    config.batch_size = batch_size;
    const auto weight = task.model->named_parameters()["output.weight"], before = weight.clone();
    (void)train(task, config, 7, {.state = scratch_folder("state")});
    return !torch::equal(weight, before);
  };
  EXPECT_FALSE(is_moved(Schedule::linear, 14)) << "one step, at rate 0";
  EXPECT_TRUE(is_moved(Schedule::linear, 7)) << "the second step has a rate";
  EXPECT_TRUE(is_moved(Schedule::constant, 14));
}

TEST(Trainer, SameSeedSameBytesOtherSeedOtherBytes) {
  const auto first = bytes_after(7, "a");
  EXPECT_EQ(first, bytes_after(7, "b"));
  EXPECT_NE(first, bytes_after(8, "c"));
}

TEST(Trainer, FrozenParametersStayAndBuffersMove) {
  const auto task = toy_task();
  (void)train(task, toy_config(), 7, {.state = scratch_folder("state")});
  EXPECT_TRUE(torch::equal(task.model->named_parameters()["frozen"], torch::ones({3})));
  EXPECT_GT(task.model->named_buffers()["seen"].abs().sum().item<double>(), 0);
}

TEST(Trainer, ModelHoldsTheLastEpochAndThenTheChosenOne) {
  const auto task = toy_task();
  auto config = toy_config();
  config.lr = 0.5;  // so rough that some epoch before the last is the best
  config.epochs = 8;
  const auto result = train(task, config, 3, {.state = scratch_folder("state")});
  std::int64_t best = 0;
  for (const auto& record : result.history)
    if (best == 0 || record.valid_mae < result.history[std::size_t(best - 1)].valid_mae) best = record.epoch;
  ASSERT_LT(best, 8) << "the test needs a best epoch before the last";
  EXPECT_EQ(result.chosen_epoch, best);
  EXPECT_NEAR(mean_error(task, task.valid), result.history.back().valid_mae, 1e-6);
  use_chosen_epoch(*task.model, result);
  EXPECT_NEAR(mean_error(task, task.valid), result.history[std::size_t(best - 1)].valid_mae, 1e-6)
      << "means of a few float32 errors";
  EXPECT_TRUE(result.history[std::size_t(best - 1)].is_best);
}

TEST(Trainer, SelectsTheLastEpochOrTheTestSplitWhenAsked) {
  auto config = toy_config();
  config.lr = 0.5;
  config.epochs = 8;
  config.select = Selection::last;
  auto result = train(toy_task(), config, 3, {.state = scratch_folder("last")});
  EXPECT_EQ(result.chosen_epoch, 8);
  EXPECT_TRUE(result.chosen_weights.empty());
  EXPECT_EQ(result.select, Selection::last);

  config.select = Selection::test;
  const auto task = toy_task();
  result = train(task, config, 3, {.state = scratch_folder("test")});
  EXPECT_EQ(result.select, Selection::test);
  use_chosen_epoch(*task.model, result);
  const auto& chosen = result.history[std::size_t(result.chosen_epoch - 1)];
  for (const auto& record : result.history) EXPECT_LE(chosen.test_mae, record.test_mae);
  EXPECT_NEAR(mean_error(task, task.test), chosen.test_mae, 1e-6);
}

TEST(Trainer, SelectsByTheModelsOwnLossAsTheMeanOverBatches) {
  for (const auto by : {SelectBy::loss, SelectBy::task_loss}) {
    auto config = toy_config();
    config.lr = 0.5;
    config.epochs = 8;
    config.select_by = by;
    config.batch_size = 3;  // four validation clips: batches of three and of one
    const auto task = toy_task();
    const auto result = train(task, config, 3, {.state = scratch_folder("state")});
    EXPECT_EQ(result.select_by, by);
    const auto& chosen = result.history[std::size_t(result.chosen_epoch - 1)];
    for (const auto& record : result.history) EXPECT_LE(chosen.valid_loss, record.valid_loss);
    use_chosen_epoch(*task.model, result);
    task.model->eval();
    const torch::NoGradGuard no_grad;
    double sum = 0;
    for (const auto& rows : in_batches(task.valid, 3)) {
      const auto batch = task.collate(rows);
      const auto losses = task.model->loss(task.model->forward(batch, nullptr), batch);
      sum += (by == SelectBy::loss ? losses.total : losses.terms[0].second).item<double>();
    }
    EXPECT_EQ(chosen.valid_loss, sum / 2) << name_of(by);
    EXPECT_NE(chosen.valid_loss, chosen.valid_mae) << "batches of another size count alike";
  }
  EXPECT_TRUE(std::isnan(train(toy_task(), toy_config(), 3, {.state = scratch_folder("mae")}).history[0].valid_loss));
}

TEST(Trainer, EarlyStopAndPlateauFollowTheChosenValue) {
  // A model whose error falls in every epoch and whose loss, counted by itself, rises.
  auto config = toy_config();
  config.schedule = Schedule::plateau;
  config.patience = 0;
  config.decay = 0.5;
  config.epochs = 8;
  config.early_stop = 3;
  for (const auto by : {SelectBy::mae, SelectBy::loss}) {
    auto task = toy_task(1, 0);
    auto& model = dynamic_cast<ToyModel&>(*task.model);
    model.poison = [&](const torch::Tensor& loss) {
      return model.is_training() ? loss : loss + 10.0 * double(model.last_epoch);
    };
    config.select_by = by;
    const auto result = train(task, config, 3, {.state = scratch_folder("state")});
    if (by == SelectBy::mae) {
      EXPECT_EQ(result.history.size(), 8U);
      EXPECT_EQ(result.history[3].lr, config.lr);
    } else {
      EXPECT_EQ(result.history.size(), 4U) << "epoch 1 stays the best";
      EXPECT_EQ(result.history[3].lr, config.lr / 4) << "epochs 2 and 3 were worse";
    }
  }
}

TEST(Trainer, ASelectingLossThatIsNotFiniteNamesTheClips) {
  auto task = toy_task();
  auto& model = dynamic_cast<ToyModel&>(*task.model);
  model.poison = [&](const torch::Tensor& loss) { return model.is_training() ? loss : loss / 0; };
  auto config = toy_config();
  config.select_by = SelectBy::loss;
  const auto message = error_of<Error>([&] { (void)train(task, config, 3, {.state = scratch_folder("state")}); });
  EXPECT_THAT(message, HasSubstr("the loss by which epochs are compared is inf"));
  EXPECT_THAT(message, HasSubstr("clip_14"));
}

TEST(Trainer, ReloadGoesOnFromTheBestEpochAndEndsAfterItsTrials) {
  auto config = toy_config();
  config.schedule = Schedule::reload;
  config.patience = 0;
  config.decay = 0.5;
  config.trials = 2;
  config.epochs = 50;
  config.lr = 0.5;
  const auto task = toy_task(1, 0);
  std::vector<std::string> starts;  // weights before the first step of each epoch
  auto& model = dynamic_cast<ToyModel&>(*task.model);
  model.at_epoch = [&] { starts.push_back(bytes_of(model)); };
  const auto result = train(task, config, 3, {.state = scratch_folder("state")});
  const auto& history = result.history;
  ASSERT_LT(history.size(), 50U) << "two trials";
  EXPECT_TRUE(result.is_stopped_early);
  std::int64_t best = 0, reloads = 0;
  for (std::size_t i = 0; i < history.size(); ++i) {
    if (history[i].is_best) {
      best = history[i].epoch;
    } else if (++reloads < config.trials) {
      EXPECT_EQ(starts[i + 1], starts[std::size_t(best)])
          << "epoch " << i + 2 << " starts where the one after the best did";
      EXPECT_EQ(history[i + 1].lr, 0.5 * history[std::size_t(best - 1)].lr);
    }
  }
  EXPECT_EQ(reloads, 2);
  EXPECT_FALSE(history.back().is_best);
  EXPECT_NEAR(mean_error(task, task.valid), history.back().valid_mae, 1e-6) << "no reload after the last epoch";
}

TEST(Trainer, StopsEarlyWhenNothingImproves) {
  auto config = toy_config();
  config.lr = 0;  // the weights stay, BatchNorm's statistics settle
  config.epochs = 100;
  config.schedule = Schedule::constant;
  config.early_stop = 3;
  const auto result = train(toy_task(), config, 3, {.state = scratch_folder("state")});
  EXPECT_TRUE(result.is_stopped_early);
  EXPECT_LT(result.history.size(), 100U);
  EXPECT_EQ(std::int64_t(result.history.size()), result.chosen_epoch + 3);
}

TEST(Trainer, SelectionWithoutClipsIsAConfigError) {
  auto task = toy_task();
  task.valid.clear();
  EXPECT_THAT(error_of<ConfigError>([&] { (void)train(task, toy_config(), 3, {.state = scratch_folder("a")}); }),
              HasSubstr("select = \"last\""));
  auto config = toy_config();
  config.select = Selection::last;
  for (const auto schedule : {Schedule::plateau, Schedule::reload}) {
    config.schedule = schedule;
    EXPECT_THAT(error_of<ConfigError>([&] { (void)train(task, config, 3, {.state = scratch_folder("a")}); }),
                HasSubstr(name_of(schedule)));
  }
  config.schedule = Schedule::constant;
  const auto result = train(task, config, 3, {.state = scratch_folder("b")});
  EXPECT_TRUE(std::isnan(result.history[0].valid_mae));
  task.train.clear();
  EXPECT_THROW((void)train(task, config, 3, {.state = scratch_folder("c")}), DataError);
}

TEST(Trainer, AccumulatedBatchesEqualOneLargeBatch) {
  const auto train_with = [&](std::int64_t batch_size, std::int64_t accumulate, const char* folder) {
    auto task = toy_task(1, 0);
    auto& model = dynamic_cast<ToyModel&>(*task.model);
    model.use_norm = model.use_drift = false;  // BatchNorm sees its own part of the batch, so parts would differ
    auto config = toy_config();
    config.batch_size = batch_size;
    config.accumulate = accumulate;
    config.eps = 1e-3;  // with the usual 1e-8 the first steps are signs of gradients, which hides their size
    (void)train(task, config, 3, {.state = scratch_folder(folder)});
    return task.model;
  };
  const auto whole = train_with(8, 1, "whole"), parts = train_with(2, 4, "parts"), uneven = train_with(3, 3, "uneven");
  for (const auto& item : whole->named_parameters())
    EXPECT_TRUE(torch::allclose(item.value(), parts->named_parameters()[item.key()], 0, 1e-6)) << item.key();
  // 14 clips in steps of 9 and 5, the first of three batches, the second of two of 3 and 2: as one batch of 9 would.
  const auto nine = train_with(9, 1, "nine");
  for (const auto& item : nine->named_parameters())
    EXPECT_TRUE(torch::allclose(item.value(), uneven->named_parameters()[item.key()], 0, 1e-6)) << item.key();
}

TEST(Trainer, NonFiniteLossNamesTermEpochStepAndClips) {
  auto task = toy_task();
  auto& model = dynamic_cast<ToyModel&>(*task.model);
  model.poison = [&](torch::Tensor loss) { return model.last_epoch == 1 ? loss / 0 : loss; };
  const auto message = error_of<Error>([&] { (void)train(task, toy_config(), 3, {.state = scratch_folder("state")}); });
  EXPECT_THAT(message, HasSubstr("the loss term 'task' is inf in epoch 2, step 1"));
  const auto order = epoch_order(task.train, 3, 1);
  for (std::size_t i = 0; i < 4; ++i)
    EXPECT_THAT(message, HasSubstr("clip_" + std::to_string(order[i]))) << "the clips of the step";
}

TEST(Trainer, NonFiniteGradientNamesTheParameter) {
  auto task = toy_task();
  auto& model = dynamic_cast<ToyModel&>(*task.model);
  // sqrt has an infinite slope at 0: the loss is finite, the gradient is not.
  model.poison = [](const torch::Tensor& loss) { return loss + torch::sqrt(loss - loss); };
  EXPECT_THAT(error_of<Error>([&] { (void)train(task, toy_config(), 3, {.state = scratch_folder("state")}); }),
              HasSubstr("the gradient of hidden.weight is not finite in epoch 1, step 1"));
}

TEST(Trainer, NonFiniteScoresNameTheClips) {
  const auto task = toy_task();
  {
    const torch::NoGradGuard no_grad;
    task.model->named_parameters()["output.bias"].fill_(std::numeric_limits<float>::quiet_NaN());
  }
  EXPECT_THAT(error_of<Error>([&] {
                (void)predict_rows(*task.model, task.collate, {4, 2});
              }),
              HasSubstr("not finite: clip_4, clip_2"));
}

TEST(Trainer, OptionsOfTheRunFolderDoNotChangeNumbers) {
  const auto plain = bytes_after(7, "a");
  const auto task = toy_task();
  auto config = toy_config();
  config.save_every = 3;
  config.save_seconds = 1e-9;  // saves after every step
  (void)train(task, config, 7, {.state = scratch_folder("b")});
  EXPECT_EQ(bytes_of(*task.model), plain);
}

TEST(Trainer, WritesOneLinePerEpoch) {
  const auto folder = scratch_folder("run");
  (void)train(toy_task(), toy_config(), 7, {.state = folder / "state", .epochs = folder / "epochs.jsonl"});
  std::ifstream stream(folder / "epochs.jsonl");
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_THAT(lines[2], HasSubstr("\"epoch\":3"));
  EXPECT_THAT(lines[2], HasSubstr("\"valid_MAE\":"));
}

TEST(Predict, ScoresDoNotDependOnTheBatchSizeAndTheModeComesBack) {
  const auto task = toy_task();
  (void)train(task, toy_config(), 7, {.state = scratch_folder("state")});
  task.model->train();
  const auto rows = range(0, kClips);
  const auto whole = predict_rows(*task.model, task.collate, rows, {.batch_size = 100});
  EXPECT_TRUE(task.model->is_training());
  for (const std::int64_t size : {1, 3, 5}) {
    const auto parts = predict_rows(*task.model, task.collate, rows, {.batch_size = size});
    ASSERT_EQ(parts.size(), rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
      EXPECT_EQ(parts[i].id, "clip_" + std::to_string(i));
      EXPECT_NEAR(parts[i].score, whole[i].score, 1e-5);
      EXPECT_TRUE(std::isnan(parts[i].unimodal.text));
      EXPECT_NEAR(parts[i].unimodal.audio, 0.5 * parts[i].score, 1e-6);
    }
  }
  EXPECT_THROW((void)predict_rows(*task.model, task.collate, rows, {.batch_size = 0}), ConfigError);
}

}  // namespace
}  // namespace kuda
