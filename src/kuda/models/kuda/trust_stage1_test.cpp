// Trust in stage 1: learned beside the own label, handed to stage 2.

#include <gtest/gtest.h>

#include "kuda/base/error.h"
#include "kuda/models/kuda/kuda.h"
#include "kuda/models/kuda/test_tiny.h"
#include "kuda/models/kuda/trust.h"
#include "kuda/tensor/state_dict.h"

namespace kuda::kuda_model {
namespace {

using test::stir;
using test::tiny_batch;
using test::tiny_kuda;
using test::tiny_selecting;
using test::tiny_shape;
using test::tiny_text;

/// Stage 1 of vision, with options as given.
std::shared_ptr<Model> stage1_of(const KudaConfig& config) {
  torch::manual_seed(3);
  return info().pretrain_tasks(config, tiny_shape(), tiny_shape(), tiny_text())[1].make();
}

TEST(Trust, Stage1LearnsItBesideTheOwnLabel) {
  auto config = tiny_selecting();
  config.trust_pretrain_weight = 0.25;
  const auto with = stage1_of(config);
  config.ratio_from = KudaConfig::RatioFrom::label;
  config.score = KudaConfig::Score::fusion;
  const auto without = stage1_of(config);
  auto batch = tiny_batch();
  batch.multimodal_label = batch.label;
  batch.unimodal_labels.vision = batch.label = torch::tensor({0.1F, -0.3F, 1.0F});
  const auto output = with->forward(batch, nullptr);
  const auto plain = without->loss(without->forward(batch, nullptr), batch), losses = with->loss(output, batch);
  ASSERT_EQ(plain.terms.size(), 1U);
  ASSERT_EQ(losses.terms.size(), 2U);
  EXPECT_TRUE(torch::equal(losses.terms[0].second, plain.total)) << "the head changes no initial value";
  const auto target = (batch.label - batch.multimodal_label).abs();
  EXPECT_NEAR(losses.terms[1].second.item<float>(), (output.terms[0].second - target).abs().mean().item<float>(), 1e-6);
  EXPECT_TRUE(torch::allclose(losses.total, plain.total + 0.25 * losses.terms[1].second));
  const auto names = state_of(*with);
  EXPECT_TRUE(names.contains("trust.distance.weight"));
  EXPECT_EQ(names.size(), state_of(*without).size() + 6);
}

TEST(Trust, Stage1HandsItsHeadToStage2AndAFreshOneIsNamed) {
  auto config = tiny_selecting();
  const auto task = info().pretrain_tasks(config, tiny_shape(), tiny_shape(), tiny_text())[1];
  const auto with = stage1_of(config);
  stir(*with);
  io::ArrayFile state;
  state.path = "stage1";
  state.arrays = state_of(*with);
  const auto model = tiny_kuda(config);
  EXPECT_TRUE(info().adopt(*model, config, task, state).empty());
  const auto batch = tiny_batch();
  with->eval();
  model->eval();
  const auto at_stage2 = model->forward(batch, nullptr).terms;
  for (const auto& [name, distance] : at_stage2)
    if (name == distance_term(Modality::vision))
      EXPECT_TRUE(torch::equal(distance, with->forward(batch, nullptr).terms[0].second));

  auto plain = config;
  plain.ratio_from = KudaConfig::RatioFrom::label;
  plain.score = KudaConfig::Score::fusion;
  EXPECT_TRUE(info().adopt(*tiny_kuda(plain), plain, task, state).empty()) << "no head to put it into";
  state.arrays = state_of(*stage1_of(plain));
  for (const auto transfer : {KudaConfig::Transfer::bridge, KudaConfig::Transfer::partial}) {
    config.transfer = transfer;
    EXPECT_EQ(info().adopt(*tiny_kuda(config), config, task, state), std::vector<std::string>{"trust"});
  }
  state.arrays = state_of(*with);
  state.arrays.erase("trust.hidden.bias");
  EXPECT_THROW(info().adopt(*model, config, task, state), CheckpointError) << "half a head is none";
}

}  // namespace
}  // namespace kuda::kuda_model
