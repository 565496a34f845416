#include "kuda/models/kuda/knowledge.h"

#include <gtest/gtest.h>

#include "kuda/base/error.h"
#include "kuda/models/kuda/kuda.h"
#include "kuda/models/kuda/test_tiny.h"
#include "kuda/tensor/state_dict.h"

namespace kuda::kuda_model {
namespace {

using test::tiny_batch;
using test::tiny_config;
using test::tiny_kuda;
using test::tiny_shape;
using test::tiny_text;

TEST(Knowledge, Stage1LoadsIntoStage2UnderThePublishedNames) {
  const auto config = tiny_config();
  for (const auto& task : info().pretrain_tasks(config, tiny_shape(), tiny_shape(), tiny_text())) {
    torch::manual_seed(3);
    const auto stage1 = task.make();
    const auto stage2 = tiny_kuda(config);
    io::ArrayFile state;
    state.path = "stage1";
    state.arrays = state_of(*stage1);
    EXPECT_TRUE(info().adopt(*stage2, config, task, state).empty());
    stage1->eval();
    stage2->eval();
    const auto batch = tiny_batch();
    EXPECT_TRUE(
        torch::equal(stage1->forward(batch, nullptr).score, stage2->forward(batch, nullptr).unimodal[task.modality]));
  }
}

DataShape other_shape() {
  auto shape = tiny_shape();
  shape.length.vision = 5;
  shape.width.vision = 9;
  shape.length.audio = 11;
  return shape;
}

Batch other_batch() {
  auto batch = tiny_batch();
  batch.vision = test::random_sequence(5, 9, {5, 1, 3});
  batch.audio = test::random_sequence(11, 3, {11, 2, 6});
  return batch;
}

TEST(Knowledge, BridgeTrainsOnTheSourceAndLoadsStrictlyIntoTheTarget) {
  const auto config = tiny_config();
  const auto tasks = info().pretrain_tasks(config, tiny_shape(), other_shape(), tiny_text());
  const auto model = tasks[1].make();
  EXPECT_EQ(model->forward(other_batch(), nullptr).score.size(0), 3);
  io::ArrayFile state;
  state.arrays = state_of(*model);
  EXPECT_TRUE(state.arrays.contains("bridge.weight"));
  EXPECT_FALSE(model->is_saved("bridge.weight"));
  EXPECT_EQ(tasks[1].shape.width.vision, tiny_shape().width.vision);
  EXPECT_TRUE(info().adopt(*tiny_kuda(config), config, tasks[1], state).empty());
}

TEST(Knowledge, PartialNamesWhatStartsFreshAndRefusesTheRest) {
  auto config = tiny_config();
  config.transfer = KudaConfig::Transfer::partial;
  const auto tasks = info().pretrain_tasks(config, tiny_shape(), other_shape(), tiny_text());
  const auto model = tasks[1].make();
  EXPECT_EQ(model->forward(other_batch(), nullptr).score.size(0), 3);
  io::ArrayFile state;
  state.arrays = state_of(*model);
  const auto skipped = info().adopt(*tiny_kuda(config), config, tasks[1], state);
  EXPECT_EQ(skipped.size(), 3U);
  EXPECT_EQ(tiny_kuda(config)->parameter_groups().size(), 2U);

  config.interpolate_positions = true;
  EXPECT_EQ(info().adopt(*tiny_kuda(config), config, tasks[1], state).size(), 2U);

  auto wider = config;
  wider.sequence_width = 32;
  EXPECT_THROW(info().adopt(*tiny_kuda(wider), wider, tasks[1], state), CheckpointError);
}

TEST(Knowledge, ResamplingKeepsEndsAndProportions) {
  Sequence sequence;
  sequence.lengths = torch::tensor({4, 2});
  sequence.values = torch::tensor({0.F, 1.F, 2.F, 3.F, 0.F, 6.F, 0.F, 0.F}).reshape({2, 4, 1});
  sequence.padding = torch::arange(4).unsqueeze(0) >= sequence.lengths.unsqueeze(1);
  const auto longer = resample(sequence, 8);
  EXPECT_TRUE(torch::equal(longer.lengths, torch::tensor({8, 4})));
  EXPECT_NEAR(longer.values[0][7][0].item<float>(), 3, 1e-6);
  EXPECT_NEAR(longer.values[1][1][0].item<float>(), 2, 1e-6);  // 0, 2, 4, 6
  EXPECT_EQ(longer.values[1][4][0].item<float>(), 0);
  EXPECT_TRUE(longer.padding[1][4].item<bool>());
}

}  // namespace
}  // namespace kuda::kuda_model
