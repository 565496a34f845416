#include "kuda/models/lmf/lmf.h"

#include <gtest/gtest.h>

#include <cmath>

#include "kuda/base/error.h"
#include "kuda/models/test_batch.h"

namespace kuda::lmf {
namespace {

using torch::Tensor;

DataShape small_shape() {
  DataShape shape;
  shape.length.text = 5;
  shape.width.text = 6;
  shape.length.vision = 7;
  shape.width.vision = 3;
  shape.length.audio = 4;
  shape.width.audio = 2;
  return shape;
}

LmfConfig small_config() {
  LmfConfig config;
  config.text_hidden = config.vision_hidden = 4;
  config.audio_hidden = 3;
  config.rank = 2;
  config.dropout_text = config.dropout_vision = config.dropout_audio = 0;
  return config;
}

Batch make_batch() {
  Batch batch;
  batch.ids = {"a", "b", "c"};
  batch.rows = {0, 1, 2};
  batch.text_features = test::random_sequence(5, 6, {2, 5, 3});
  batch.vision = test::random_sequence(7, 3, {1, 4, 7});
  batch.audio = test::random_sequence(4, 2, {4, 1, 2});
  batch.label = torch::tensor({0.5F, -1.0F, 2.0F});
  return batch;
}

std::shared_ptr<Lmf> make(const LmfConfig& config, const DataShape& shape = small_shape()) {
  torch::manual_seed(3);
  return std::make_shared<Lmf>(config, shape, TextEncoder());
}

std::size_t grouped(Lmf& model) {
  std::size_t count = 0;
  for (const auto& group : model.parameter_groups()) count += group.parameters.size();
  return count;
}

TEST(Lmf, FusionWeightsAreInNoGroupUnlessTheyAreTrained) {
  auto config = small_config();
  const auto model = make(config);
  EXPECT_EQ(grouped(*model), model->parameters().size() - 2);
  const auto groups = model->parameter_groups();
  EXPECT_EQ(groups[0].parameters.size(), 3U);
  EXPECT_EQ(groups[0].lr, config.factor_lr);
  EXPECT_LT(groups[1].lr, 0);  // that of the training section
  config.train_fusion_weights = true;
  EXPECT_EQ(grouped(*make(config)), model->parameters().size());
}

TEST(Lmf, IsTheWeightedSumOfItsRanks) {
  const auto model = make(small_config());
  model->eval();
  Trace trace;
  const auto output = model->forward(make_batch(), &trace);
  const auto ranks = trace.at("Feature_f");  // [B, r, 1]: the batch axis stays for any size
  EXPECT_EQ(ranks.sizes(), (std::vector<std::int64_t>{3, 2, 1}));
  const auto weights = model->named_parameters()["fusion_weights"];
  const auto bias = model->named_parameters()["fusion_bias"];
  EXPECT_TRUE(torch::allclose(output.score, (ranks.squeeze(2) * weights).sum(1) + bias.squeeze(), 1e-5, 1e-6));
}

TEST(Lmf, FactorsStartXavierNormal) {
  auto config = small_config();
  config.rank = 400;
  config.vision_hidden = 399;
  const auto factor = make(config)->named_parameters()["video_factor"];
  EXPECT_NEAR(factor.std().item<double>(), std::sqrt(2.0 / 800), 1e-3);
}

TEST(Lmf, SoundOptionLeavesPaddingOut) {
  auto config = small_config();
  for (const bool quirks : {true, false}) {
    config.reference_quirks = quirks;
    const auto model = make(config);
    model->eval();
    const torch::NoGradGuard no_grad;
    auto batch = make_batch();
    const auto before = model->forward(batch, nullptr).score;
    for (auto* sequence : {&batch.text_features, &batch.vision, &batch.audio})
      sequence->values = sequence->values.masked_fill(sequence->padding.unsqueeze(-1), 9);
    EXPECT_EQ(torch::allclose(model->forward(batch, nullptr).score, before), !quirks);
    EXPECT_EQ(model->is_padding_invariant(), !quirks);
  }
}

TEST(Lmf, AnAbsentModalityHasNoFactor) {
  auto shape = small_shape();
  shape.present.vision = false;
  const auto model = make(small_config(), shape);
  EXPECT_FALSE(model->named_parameters().contains("video_factor"));
  auto batch = make_batch();
  batch.vision = {};
  EXPECT_TRUE(model->forward(batch, nullptr).score.isfinite().all().item<bool>());
  shape.present = {false, false, false};
  EXPECT_THROW(make(small_config(), shape), ConfigError);
}

}  // namespace
}  // namespace kuda::lmf
