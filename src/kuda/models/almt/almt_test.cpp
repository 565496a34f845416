#include "kuda/models/almt/almt.h"

#include <gtest/gtest.h>

#include "kuda/base/error.h"
#include "kuda/models/test_batch.h"

namespace kuda::almt {
namespace {

using torch::Tensor;

DataShape small_shape() {
  DataShape shape;
  shape.length.text = 6;
  shape.length.vision = 5;
  shape.width.vision = 4;
  shape.length.audio = 7;
  shape.width.audio = 3;
  return shape;
}

TextEncoder small_text() { return test::small_encoder(16, 1); }

AlmtConfig small_config() {
  AlmtConfig config;
  config.width = 16;
  config.tokens = 3;
  config.projection_heads = config.text_heads = config.hyper_heads = config.fusion_heads = 2;
  config.projection_mlp = config.text_mlp = config.fusion_mlp = 8;
  return config;
}

Batch make_batch() {
  torch::manual_seed(3);
  const auto shape = small_shape();
  Batch batch;
  batch.ids = {"a", "b"};
  batch.rows = {0, 1};
  batch.text_ids = torch::randint(1, 20, {2, shape.length.text});
  batch.text_segments = torch::zeros_like(batch.text_ids);
  batch.text_padding = test::padding_from(shape.length.text, torch::tensor({6, 3}));
  batch.vision = test::random_sequence(shape.length.vision, shape.width.vision, {5, 2});
  batch.audio = test::random_sequence(shape.length.audio, shape.width.audio, {7, 4});
  batch.label = torch::tensor({0.5F, -1.0F});
  return batch;
}

Tensor score_of(Model& model, const Batch& batch) {
  model.eval();
  const torch::NoGradGuard no_grad;
  return model.forward(batch, nullptr).score;
}

TEST(Almt, MaskedPaddingDoesNotReachTheScore) {
  for (const bool is_masked : {true, false}) {
    torch::manual_seed(1);
    auto config = small_config();
    config.mask_padding = is_masked;
    Almt model(config, small_shape(), small_text());
    EXPECT_EQ(model.is_padding_invariant(), is_masked);
    auto batch = make_batch();
    const auto before = score_of(model, batch);
    batch.vision.values = batch.vision.values.masked_fill(batch.vision.padding.unsqueeze(-1), 9.0);
    batch.audio.values = batch.audio.values.masked_fill(batch.audio.padding.unsqueeze(-1), 9.0);
    EXPECT_EQ(torch::allclose(score_of(model, batch), before, 0, 1e-6), is_masked);
  }
}

TEST(Almt, MaskedABatchMayBeCutToItsLongestClip) {
  torch::manual_seed(1);
  auto config = small_config();
  config.mask_padding = true;
  Almt model(config, small_shape(), small_text());
  auto batch = make_batch();
  const auto whole = score_of(model, batch);
  const auto second = [](const Tensor& x, std::int64_t length) { return x.slice(0, 1, 2).slice(1, 0, length); };
  batch.ids = {"b"};
  batch.text_ids = second(batch.text_ids, 3);
  batch.text_segments = second(batch.text_segments, 3);
  batch.text_padding = second(batch.text_padding, 3);
  batch.vision.values = second(batch.vision.values, 2);
  batch.vision.padding = second(batch.vision.padding, 2);
  batch.audio.values = second(batch.audio.values, 4);
  batch.audio.padding = second(batch.audio.padding, 4);
  EXPECT_NEAR(score_of(model, batch).item<float>(), whole[1].item<float>(), 1e-5);
}

TEST(Almt, ATraceDoesNotChangeTheScore) {
  torch::manual_seed(1);
  auto config = small_config();
  config.projection_depth = 2;
  Almt model(config, small_shape(), small_text());
  model.eval();
  const auto batch = make_batch();
  Trace trace;
  EXPECT_TRUE(torch::allclose(model.forward(batch, &trace).score, model.forward(batch, nullptr).score, 0, 1e-6));
  EXPECT_EQ(trace.at("proj_a").sizes(), (std::vector<std::int64_t>{2, 3 + 7, 16}));
}

TEST(Almt, DropoutActsInTrainingOnly) {
  torch::manual_seed(1);
  auto config = small_config();
  config.dropout_text = 0;
  config.dropout = 0.5;
  Almt model(config, small_shape(), small_text());
  const auto batch = make_batch();
  EXPECT_TRUE(torch::equal(score_of(model, batch), score_of(model, batch)));
  model.train();
  EXPECT_FALSE(torch::equal(model.forward(batch, nullptr).score, model.forward(batch, nullptr).score));
}

TEST(Almt, OverfitsOneBatch) {
  torch::manual_seed(1);
  Almt model(small_config(), small_shape(), small_text());
  const auto batch = make_batch();
  torch::optim::AdamW optimizer(model.parameters(), torch::optim::AdamWOptions(1e-3));
  model.train();
  for (int i = 0; i < 100; ++i) {
    optimizer.zero_grad();
    model.loss(model.forward(batch, nullptr), batch).total.backward();
    optimizer.step();
  }
  EXPECT_LT((score_of(model, batch) - batch.label).abs().mean().item<double>(), 0.1);
}

TEST(Almt, RefusesMoreTokensThanThereAreAndLongerSequences) {
  auto config = small_config();
  config.kept_tokens = 4;
  EXPECT_THROW(Almt(config, small_shape(), small_text()), ConfigError);
  Almt model(small_config(), small_shape(), small_text());
  auto batch = make_batch();
  batch.audio = test::random_sequence(8, 3, {8, 8});
  EXPECT_THROW(score_of(model, batch), ShapeError);
}

TEST(Almt, WithoutAudioThereAreNoParametersForIt) {
  auto shape = small_shape();
  shape.present.audio = false;
  Almt model(small_config(), shape, small_text());
  for (const auto& item : model.named_parameters()) {
    EXPECT_EQ(item.key().find("proj_a"), std::string::npos) << item.key();
    EXPECT_EQ(item.key().find("_ta"), std::string::npos) << item.key();
  }
}

}  // namespace
}  // namespace kuda::almt
