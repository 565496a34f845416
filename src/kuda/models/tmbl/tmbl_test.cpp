#include "kuda/models/tmbl/tmbl.h"

#include <gtest/gtest.h>

#include "kuda/base/error.h"
#include "kuda/models/test_batch.h"

namespace kuda::tmbl {
namespace {

using torch::Tensor;

DataShape small_shape() {
  DataShape shape;
  shape.length.text = shape.length.vision = shape.length.audio = 5;
  shape.width.vision = 4;
  shape.width.audio = 3;
  return shape;
}

TextEncoder small_text() { return test::small_encoder(8, 1); }

TmblConfig small_config(TmblConfig::Mode mode) {
  TmblConfig config;
  config.mode = mode;
  config.reference_batch = 4;
  config.width = 8;
  config.layers = 1;
  config.heads = 2;
  config.feed_forward = 8;
  config.key_width = config.value_width = 4;
  config.dropout_transformer = config.dropout_fusion = config.dropout_text = 0;
  return config;
}

Batch make_batch() {
  torch::manual_seed(3);
  Batch batch;
  batch.ids = {"a", "b", "c", "d"};
  batch.rows = {0, 1, 2, 3};
  batch.text_ids = torch::randint(1, 20, {4, 5});
  batch.text_segments = torch::zeros_like(batch.text_ids);
  batch.text_padding = test::padding_from(5, torch::tensor({3, 5, 2, 4}));
  const auto sequence = [&](std::int64_t width) {
    Sequence x;
    x.values = torch::randn({4, 5, width});
    x.padding = batch.text_padding;
    x.lengths = torch::tensor({3, 5, 2, 4});
    return x;
  };
  batch.vision = sequence(4);
  batch.audio = sequence(3);
  batch.label = torch::tensor({0.5F, -1.0F, 0.0F, 2.0F});
  return batch;
}

Tensor score_of(Model& model, const Batch& batch) {
  model.eval();
  const torch::NoGradGuard no_grad;
  return model.forward(batch, nullptr).score;
}

TEST(Tmbl, OnlyInModeReferenceAScoreDependsOnTheNeighbours) {
  for (const auto mode : {TmblConfig::Mode::sound, TmblConfig::Mode::reference}) {
    torch::manual_seed(1);
    Tmbl model(small_config(mode), small_shape(), small_text());
    auto batch = make_batch();
    const auto before = score_of(model, batch);
    batch.vision.values[3] += 1;  // the last clip
    const auto after = score_of(model, batch);
    EXPECT_FALSE(torch::allclose(after[3], before[3], 0, 1e-6));
    EXPECT_EQ(torch::allclose(after.slice(0, 0, 3), before.slice(0, 0, 3), 0, 1e-6), mode == TmblConfig::Mode::sound);
  }
}

TEST(Tmbl, CrossAttentionLetsThePrivateStreamsMeet) {
  for (const bool is_cross : {false, true}) {
    torch::manual_seed(1);
    auto config = small_config(TmblConfig::Mode::sound);
    config.cross_attention = is_cross;
    Tmbl model(config, small_shape(), small_text());
    model.eval();
    auto batch = make_batch();
    Trace before, after;
    model.forward(batch, &before);
    batch.audio.values += 1;
    model.forward(batch, &after);
    // The private transformer of (text, audio): the text stream sees audio only across.
    EXPECT_EQ(torch::allclose(before.at("private_t_out1"), after.at("private_t_out1"), 0, 1e-6), !is_cross);
  }
}

TEST(Tmbl, RefusesASubsetOfModalitiesAndBatchesLargerThanTheReferenceHasRowsFor) {
  auto shape = small_shape();
  shape.present.audio = false;
  EXPECT_THROW(Tmbl(small_config(TmblConfig::Mode::sound), shape, small_text()), ConfigError);
  auto config = small_config(TmblConfig::Mode::reference);
  config.reference_batch = 3;
  Tmbl model(config, small_shape(), small_text());
  EXPECT_THROW(score_of(model, make_batch()), ShapeError);
  config.cross_attention = true;
  EXPECT_THROW(Tmbl(config, small_shape(), small_text()), ConfigError);
}

TEST(Tmbl, TheReferenceDifferenceIsTheMeanSquareOfTheWholeMatrix) {
  torch::manual_seed(2);
  Streams of_private, shared;
  for (std::size_t m = 0; m < 3; ++m) {
    of_private[m] = torch::randn({2, 3, 4});
    shared[m] = torch::randn({2, 3, 4});
  }
  const auto unit = [](const Tensor& x) {
    const auto rows = x.flatten(1) - x.flatten(1).mean(0, true);
    return rows / (rows.norm(2, {1}, true) + 1e-6);
  };
  const auto term = [&](const Tensor& x, const Tensor& y) { return unit(x).t().matmul(unit(y)).square().mean(); };
  auto sum =
      term(of_private[0], of_private[1]) + term(of_private[0], of_private[2]) + term(of_private[1], of_private[2]);
  for (std::size_t m = 0; m < 3; ++m) sum = sum + term(of_private[m], shared[m]);
  EXPECT_NEAR(reference_difference_loss(of_private, shared).item<double>(), sum.item<double>(), 1e-6);
}

TEST(Tmbl, TheSharedPartHasTheActivationThatWasAskedFor) {
  auto config = small_config(TmblConfig::Mode::sound);
  config.activation = Activation::hardtanh;
  Tmbl model(config, small_shape(), small_text());
  model.eval();
  Trace trace;
  (void)model.forward(make_batch(), &trace);
  auto names = model.named_parameters();
  const auto x = trace.at("t_feature").matmul(names["project_t.project_t.weight"].t()) +
                 names["project_t.project_t.bias"];  // [B, H]
  const auto expected = torch::layer_norm(x.clamp(-1, 1), {x.size(1)}, names["project_t.project_t_layer_norm.weight"],
                                          names["project_t.project_t_layer_norm.bias"]);
  EXPECT_TRUE(torch::allclose(trace.at("t_proj"), expected, 0, 1e-5)) << "float32 of normalised values";
}

}  // namespace
}  // namespace kuda::tmbl
