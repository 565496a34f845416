#include "kuda/models/tfn/tfn.h"

#include <gtest/gtest.h>

#include <limits>

#include "kuda/base/error.h"
#include "kuda/models/test_batch.h"

namespace kuda::tfn {
namespace {

using torch::Tensor;

DataShape small_shape(std::int64_t text_width = 6) {
  DataShape shape;
  shape.length.text = 5;
  shape.width.text = text_width;
  shape.length.vision = 7;
  shape.width.vision = 3;
  shape.length.audio = 4;
  shape.width.audio = 2;
  return shape;
}

TfnConfig small_config() {
  TfnConfig config;
  config.text_hidden = config.vision_hidden = 4;
  config.audio_hidden = 3;
  config.text_out = 2;
  config.post_fusion = 5;
  config.dropout_text = config.dropout_vision = config.dropout_audio = config.dropout_fusion = 0;
  return config;
}

TextEncoder small_text() { return test::small_encoder(8, 1); }

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

std::shared_ptr<Tfn> make(const TfnConfig& config, const DataShape& shape = small_shape()) {
  torch::manual_seed(3);
  return std::make_shared<Tfn>(config, shape, small_text());
}

TEST(Tfn, SoundOptionLeavesPaddingOut) {
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

TEST(Tfn, TextDropoutWorksOnlyWithoutTheQuirks) {
  auto config = small_config();
  config.dropout_text = 0.5;
  for (const bool quirks : {true, false}) {
    config.reference_quirks = quirks;
    const auto model = make(config);
    Trace trace, again;
    const auto batch = make_batch();
    (void)model->forward(batch, &trace);
    (void)model->forward(batch, &again);
    EXPECT_EQ(torch::equal(trace.at("Feature_t"), again.at("Feature_t")), quirks);
  }
}

TEST(Tfn, TheFusionDropoutActsOnTheProduct) {
  auto config = small_config();
  config.dropout_fusion = 0.5;
  const auto model = make(config);
  const auto batch = make_batch();
  Trace first, second;
  (void)model->forward(batch, &first);
  (void)model->forward(batch, &second);
  EXPECT_TRUE(torch::equal(first.at("Feature_f"), second.at("Feature_f")));
  EXPECT_FALSE(torch::equal(first.at("post1"), second.at("post1")));
}

TEST(Tfn, ABatchOfOneIsNormalisedWithTheRunningStatistics) {
  const auto model = make(small_config());
  auto batch = make_batch();
  (void)model->forward(batch, nullptr);  // moves the statistics once
  const auto before = model->named_buffers()["audio_subnet.norm.running_mean"].clone();
  batch.ids = {"a"};
  for (auto* sequence : {&batch.text_features, &batch.vision, &batch.audio})
    *sequence = {sequence->values.slice(0, 0, 1), sequence->padding.slice(0, 0, 1), sequence->lengths.slice(0, 0, 1),
                 Tensor()};
  const auto training = model->forward(batch, nullptr).score;
  model->eval();
  EXPECT_TRUE(torch::allclose(training, model->forward(batch, nullptr).score));
  EXPECT_TRUE(torch::equal(before, model->named_buffers()["audio_subnet.norm.running_mean"]));
}

TEST(Tfn, ScoresStayInsideTheConfiguredRange) {
  auto config = small_config();
  config.output_range = 2;
  config.output_shift = -1;
  const auto model = make(config);
  auto batch = make_batch();
  batch.vision.values = batch.vision.values * 1e4;
  model->eval();
  EXPECT_LE(model->forward(batch, nullptr).score.abs().max().item<float>(), 1.0F);
}

TEST(Tfn, DataWithoutTextFeaturesGetAFrozenEncoder) {
  const auto model = make(small_config(), small_shape(0));
  auto batch = make_batch();
  batch.text_features = {};
  batch.text_ids = torch::randint(1, 20, {3, 5});
  batch.text_segments = torch::zeros_like(batch.text_ids);
  batch.text_padding = torch::zeros({3, 5}, torch::kBool);
  const auto losses = model->loss(model->forward(batch, nullptr), batch);
  losses.total.backward();
  std::size_t frozen = 0;
  for (const auto& item : model->named_parameters()) {
    if (!item.key().starts_with("text_encoder.")) continue;
    ++frozen;
    EXPECT_FALSE(item.value().requires_grad() || item.value().grad().defined()) << item.key();
  }
  EXPECT_GT(frozen, 0U);
  for (const auto& name : make(small_config())->named_parameters().keys())
    EXPECT_EQ(name.find("text_encoder"), std::string::npos);
}

TEST(Tfn, RefusesNoModalitiesAndFeaturesOfAnotherWidth) {
  auto shape = small_shape();
  shape.present = {false, false, false};
  EXPECT_THROW(make(small_config(), shape), ConfigError);
  const auto model = make(small_config());
  auto batch = make_batch();
  batch.vision = test::random_sequence(7, 4, {1, 4, 7});
  EXPECT_THROW((void)model->forward(batch, nullptr), ShapeError);
  EXPECT_THROW((void)model->forward(Batch(), nullptr), ShapeError);
}

}  // namespace
}  // namespace kuda::tfn
