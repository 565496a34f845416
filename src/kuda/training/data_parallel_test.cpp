// Several processes on this machine that train one model together: they end where one process does.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/checkpoint/predictions.h"
#include "kuda/io/safetensors.h"
#include "kuda/runs/test_small_run.h"
#include "kuda/tensor/state_dict.h"
#include "kuda/tensor/tensor.h"
#include "kuda/tensor/test_processes.h"
#include "kuda/training/data_parallel.h"
#include "kuda/training/test_toy_model.h"

namespace kuda {
namespace {

namespace fs = std::filesystem;
using namespace testing_processes;
using namespace test;
using test::scratch_folder;
using testing::AllOf;
using testing::Each;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr double kTolerance = 1e-5;  // sums in another order

/// Without batch norm and the buffer in the loss, which depend on the order of batches.
TrainingTask plain_toy() {
  auto task = toy_task();
  auto& model = dynamic_cast<ToyModel&>(*task.model);
  model.use_norm = model.use_drift = false;
  return task;
}

/// 14 clips in batches of 3: with accumulate = 2 the last step of an epoch has one batch, so one process has none.
TrainConfig shared_config(std::int64_t accumulate = 2) {
  auto config = toy_config();
  config.batch_size = 3;
  config.accumulate = accumulate;
  config.eps = 1e-3;  // with the usual 1e-8 a step is the sign of a gradient, and rounding decides those near 0
  return config;
}

/// Trains in `folder`; the parameters go into FOLDER/NAME.
void train_toy(const fs::path& folder, const std::string& name, const TrainConfig& config,
               const ProcessGroup& group = ProcessGroup::alone(), Progress* progress = nullptr,
               const std::atomic<bool>* stop = nullptr) {
  const auto task = plain_toy();
  (void)train(task, config, 7, {folder / "state", folder / "epochs.jsonl", progress, stop, group});
  std::map<std::string, io::Array> arrays;
  for (const auto& item : task.model->named_parameters()) arrays[item.key()] = io::to_array(item.value().detach());
  io::write_safetensors(folder / name, arrays);
}

void expect_close(const fs::path& found, const fs::path& expected, double tolerance) {
  const auto a = io::read_safetensors(found), b = io::read_safetensors(expected);
  ASSERT_EQ(a.arrays.size(), b.arrays.size());
  for (const auto& [name, array] : b.arrays) {
    const auto difference = (io::to_tensor(a.arrays.at(name)) - io::to_tensor(array)).abs();
    if (difference.numel() > 0) EXPECT_LE(difference.max().item<double>(), tolerance) << found << ": " << name;
  }
}

void expect_close_epochs(const fs::path& found, const fs::path& expected) {
  const auto a = read_epochs(found), b = read_epochs(expected);
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_NEAR(a[i].loss, b[i].loss, kTolerance) << i;
    EXPECT_NEAR(a[i].valid_mae, b[i].valid_mae, kTolerance) << i;
    EXPECT_EQ(a[i].is_best, b[i].is_best) << i;
    ASSERT_EQ(a[i].terms.size(), b[i].terms.size());
    for (std::size_t k = 0; k < a[i].terms.size(); ++k) {
      EXPECT_EQ(a[i].terms[k].first, b[i].terms[k].first);
      EXPECT_NEAR(a[i].terms[k].second, b[i].terms[k].second, kTolerance) << i;
    }
  }
}

TEST(DataParallel, EndsWhereOneProcessDoes) {
  for (const std::int64_t accumulate : {2, 3, 5}) {
    SCOPED_TRACE(accumulate);
    const auto one = scratch_folder("one"), two = scratch_folder("two");
    train_toy(one, "parameters", shared_config(accumulate));
    const auto messages = in_processes(2, [&](const ProcessGroup& group) {
      train_toy(two, "parameters-" + std::to_string(group.rank()), shared_config(accumulate), group);
    });
    ASSERT_THAT(messages, Each(IsEmpty()));
    expect_close(two / "parameters-0", one / "parameters", kTolerance);
    expect_close(two / "parameters-1", two / "parameters-0", 0);
    expect_close_epochs(two / "epochs.jsonl", one / "epochs.jsonl");
  }
}

TEST(DataParallel, AStepWithoutDropoutIsThatOfOneLargeBatch) {
  const auto folder = scratch_folder("run");
  const auto config_of = [](std::int64_t batch_size, std::int64_t accumulate) {
    auto config = shared_config(accumulate);
    config.batch_size = batch_size;
    return config;
  };
  const auto train_without = [&](const TrainConfig& config, const std::string& name, const ProcessGroup& group) {
    auto task = plain_toy();
    for (const auto& module : task.model->modules())
      if (auto* dropout = module->as<torch::nn::Dropout>()) dropout->options.p(0);
    (void)train(task, config, 7, {.state = folder / ("state-" + std::to_string(group.size())), .group = group});
    if (!group.is_first()) return;
    std::map<std::string, io::Array> arrays;
    for (const auto& item : task.model->named_parameters()) arrays[item.key()] = io::to_array(item.value().detach());
    io::write_safetensors(folder / name, arrays);
  };
  train_without(config_of(6, 1), "one", ProcessGroup::alone());
  ASSERT_THAT(in_processes(3, [&](const ProcessGroup& group) { train_without(config_of(2, 3), "three", group); }),
              Each(IsEmpty()));
  expect_close(folder / "three", folder / "one", kTolerance);
}

TEST(DataParallel, SelectsByTheSameLossAsOneProcess) {
  auto config = shared_config();
  config.select_by = SelectBy::loss;
  const auto one = scratch_folder("one"), two = scratch_folder("two");
  train_toy(one, "parameters", config);
  ASSERT_THAT(in_processes(2,
                           [&](const ProcessGroup& group) {
                             train_toy(two, "parameters-" + std::to_string(group.rank()), config, group);
                           }),
              Each(IsEmpty()));
  const auto a = read_epochs(one / "epochs.jsonl"), b = read_epochs(two / "epochs.jsonl");
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i].valid_loss, b[i].valid_loss, kTolerance);
}

TEST(DataParallel, AWholeRunOfKudaIsThatOfOneProcess) {
  const auto folder = scratch_folder("inputs");
  test::write_inputs(folder);
  const std::vector<std::string> sets{"train.accumulate=2",    "pretrain.accumulate=2", "train.batch_size=5",
                                      "pretrain.batch_size=5", "train.eps=1e-3",        "pretrain.eps=1e-3"};
  test::run(test::small_config(folder, sets), folder / "one");
  ASSERT_THAT(in_processes(2,
                           [&](const ProcessGroup& group) {
                             auto config = test::small_config(folder, sets);
                             NoProgress silent;
                             const std::atomic<bool> stop{false};
                             if (!run_training(config, folder / "two", silent, stop, false, group))
                               throw Error("nothing was done");
                             if (run_training(config, folder / "two", silent, stop, false, group))
                               throw Error("the finished run was done again");
                           }),
              Each(IsEmpty()));
  for (const char* file : {"model/model.safetensors", "last/model.safetensors", "pretrain/text/model/model.safetensors",
                           "pretrain/audio/model/model.safetensors"})
    expect_close(folder / "two" / file, folder / "one" / file, kTolerance);
  for (const char* file : {"epochs.jsonl", "pretrain/vision/epochs.jsonl"})
    expect_close_epochs(folder / "two" / file, folder / "one" / file);
  const auto found = read_predictions(folder / "two/predictions.csv"),
             expected = read_predictions(folder / "one/predictions.csv");
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    EXPECT_EQ(found[i].id, expected[i].id);
    EXPECT_NEAR(found[i].score, expected[i].score, kTolerance) << found[i].id;
    EXPECT_EQ(found[i].label, expected[i].label);
    for (const auto m : kModalities) EXPECT_NEAR(found[i].unimodal[m], expected[i].unimodal[m], kTolerance);
  }
  EXPECT_THAT(read_file(folder / "two/run.json"), HasSubstr("2 processes share the batches of a step"));
  EXPECT_FALSE(fs::exists(folder / "two/state"));
}

TEST(DataParallel, AStopOfOneProcessStopsAllAndTheRunContinues) {
  const auto whole = scratch_folder("whole"), stopped = scratch_folder("stopped");
  const auto config = shared_config();
  const auto name_of = [](const ProcessGroup& group) { return "parameters-" + std::to_string(group.rank()); };
  ASSERT_THAT(in_processes(2, [&](const ProcessGroup& group) { train_toy(whole, name_of(group), config, group); }),
              Each(IsEmpty()));
  const auto messages = in_processes(2, [&](const ProcessGroup& group) {
    std::atomic<bool> stop{false};
    std::int64_t done = 0;
    AtStep progress([&](const ProgressStep&) { stop = group.rank() == 1 && ++done == 4; });
    train_toy(stopped, name_of(group), config, group, &progress, &stop);
  });
  // Asked after step 4 (the first of epoch 2), which all learn with step 5.
  EXPECT_THAT(messages, Each(AllOf(HasSubstr("stopped in epoch 2 of 4, after step 2"), HasSubstr("continues"))));
  EXPECT_FALSE(fs::exists(stopped / "parameters-0"));
  ASSERT_THAT(in_processes(2, [&](const ProcessGroup& group) { train_toy(stopped, name_of(group), config, group); }),
              Each(IsEmpty()));
  for (const char* name : {"parameters-0", "parameters-1"}) expect_close(stopped / name, whole / name, 0);
  expect_close_epochs(stopped / "epochs.jsonl", whole / "epochs.jsonl");
}

TEST(DataParallel, AStopWhileScoringIsSavedToo) {
  const auto folder = scratch_folder("run");
  const auto messages = in_processes(2, [&](const ProcessGroup& group) {
    std::atomic<bool> stop{false};
    auto task = plain_toy();
    task.collate = [&](const std::vector<std::int64_t>& rows) {
      if (group.rank() == 1 && rows.front() >= 14) stop = true;  // a validation clip
      return toy_batch(rows);
    };
    (void)train(task, shared_config(), 7, {.state = folder / "state", .stop = &stop, .group = group});
  });
  EXPECT_THAT(messages, Each(HasSubstr("stopped in epoch 1 of 4, after step 3")));
  EXPECT_TRUE(fs::exists(folder / "state/last.safetensors"));
}

TEST(DataParallel, WhatOneProcessThrowsAllThrow) {
  const auto folder = scratch_folder("run");
  const auto messages = in_processes(2, [&](const ProcessGroup& group) {
    auto task = plain_toy();
    if (group.rank() == 1)
      dynamic_cast<ToyModel&>(*task.model).poison = [](const torch::Tensor& loss) { return loss / 0; };
    (void)train(task, shared_config(), 7, {.state = folder / "state", .group = group});
  });
  EXPECT_THAT(messages, Each(HasSubstr("toy: the loss term 'task' is inf in epoch 1, step 1\n  clips: clip_")));
  EXPECT_THAT(messages[0], HasSubstr("process 1: "));
}

TEST(DataParallel, AProcessThatEndsEndsTheOthers) {
  const auto folder = scratch_folder("run");
  const auto messages = in_processes(2, [&](const ProcessGroup& group) {
    AtStep progress([&](const ProgressStep&) {
      if (group.rank() == 1) ::_exit(9);
    });
    train_toy(folder, "parameters", shared_config(), group, &progress);
  });
  EXPECT_THAT(messages[0], HasSubstr("another process has ended or does not answer"));
  EXPECT_THAT(messages[1], HasSubstr("ended with status"));
}

TEST(DataParallel, WorkThatCannotBeSharedIsRefused) {
  const auto folder = scratch_folder("run");
  const auto refused = [&](const std::function<void(TrainingTask&, TrainConfig&, const ProcessGroup&)>& change) {
    return in_processes(2, [&](const ProcessGroup& group) {
      auto task = plain_toy();
      auto config = shared_config();
      change(task, config, group);
      (void)train(task, config, 7, {.state = folder / "state", .group = group});
    });
  };
  EXPECT_THAT(refused([](auto&, auto& config, auto&) { config.accumulate = 1; }),
              Each(AllOf(HasSubstr("train.accumulate = 1: expected at least 2"),
                         HasSubstr("set train.accumulate=2 and divide train.batch_size by 2"))));
  EXPECT_THAT(refused([](auto&, auto& config, auto&) {
                config.clip_each_batch = true;
                config.clip_value = 1;
              }),
              Each(HasSubstr("train.clip_each_batch")));
  EXPECT_THAT(refused([](auto& task, auto&, auto&) { dynamic_cast<ToyModel&>(*task.model).use_norm = true; }),
              Each(HasSubstr("toy: this model keeps something from batch to batch, so 2 processes")));
  EXPECT_THAT(refused([](auto&, auto& config, auto& group) { config.lr = group.is_first() ? 0.1 : 0.2; }),
              Each(HasSubstr("toy: configuration, data or saved state: process 1 has another than process 0")));
  EXPECT_FALSE(fs::exists(folder / "state/last.safetensors"));
}

}  // namespace
}  // namespace kuda
