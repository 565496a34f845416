#include "kuda/models/bbfn/bbfn.h"

#include <gtest/gtest.h>

#include "kuda/base/error.h"
#include "kuda/models/test_batch.h"

namespace kuda::bbfn {
namespace {

using torch::Tensor;

DataShape small_shape() {
  DataShape shape;
  shape.length.text = 6;
  shape.length.vision = shape.length.audio = 4;
  shape.width.vision = 4;
  shape.width.audio = 3;
  return shape;
}

TextEncoder small_text() { return test::small_encoder(16, 2); }

BbfnConfig small_config() {
  BbfnConfig config;
  config.width = 8;
  config.heads = 2;
  config.layers = 2;
  config.frozen_layers = 1;
  return config;
}

Batch make_batch() {
  torch::manual_seed(3);
  Batch batch;
  batch.ids = {"a", "b"};
  batch.rows = {0, 1};
  batch.text_ids = torch::randint(1, 20, {2, 6});
  batch.text_segments = torch::zeros_like(batch.text_ids);
  batch.text_padding = test::padding_from(6, torch::tensor({3, 6}));  // not sorted by length
  batch.vision = test::random_sequence(4, 4, {1, 4});
  batch.audio = test::random_sequence(4, 3, {1, 4});
  batch.label = torch::tensor({0.5F, -1.0F});
  return batch;
}

Tensor score_of(Model& model, const Batch& batch) {
  model.eval();
  const torch::NoGradGuard no_grad;
  return model.forward(batch, nullptr).score;
}

TEST(Bbfn, TheOrderOfTheClipsDoesNotMatter) {
  for (const auto encoder : {BbfnConfig::Encoder::cnn, BbfnConfig::Encoder::lstm}) {
    torch::manual_seed(1);
    auto config = small_config();
    config.encoder = encoder;
    Bbfn model(config, small_shape(), small_text());
    auto batch = make_batch();
    const auto before = score_of(model, batch);
    for (auto* x : {&batch.text_ids, &batch.text_padding, &batch.vision.values, &batch.vision.padding,
                    &batch.vision.lengths, &batch.audio.values, &batch.audio.padding, &batch.audio.lengths})
      *x = x->flip(0);
    EXPECT_TRUE(torch::allclose(score_of(model, batch).flip(0), before, 0, 1e-5)) << name_of(encoder);
  }
}

TEST(Bbfn, WordsNeedTwoWordPiecesMoreThanFrames) {
  auto config = small_config();
  config.align = BbfnConfig::Align::words;
  Bbfn model(config, small_shape(), small_text());
  auto batch = make_batch();
  EXPECT_TRUE(score_of(model, batch).isfinite().all().item<bool>());
  batch.audio = test::random_sequence(6, 3, {1, 4});
  EXPECT_THROW(score_of(model, batch), ShapeError);
}

TEST(Bbfn, WithoutTheDiscriminatorTermItsLayersAreNotTrained) {
  for (const double lambda : {0.1, 0.0}) {
    auto config = small_config();
    config.lambda = lambda;
    Bbfn model(config, small_shape(), small_text());
    const auto batch = make_batch();
    model.loss(model.forward(batch, nullptr), batch).total.backward();
    for (const auto& item : model.named_parameters())
      if (item.key().find("discriminator") != std::string::npos)
        EXPECT_EQ(item.value().grad().defined(), lambda > 0) << item.key();
  }
}

TEST(Bbfn, TheLastRnnLayerMayStandForTheSequence) {
  const auto score = [](BbfnConfig::StateLayer state_layer, std::int64_t layers) {
    torch::manual_seed(1);
    auto config = small_config();
    config.encoder = BbfnConfig::Encoder::gru;
    config.encoder_layers = layers;
    config.state_layer = state_layer;
    Bbfn model(config, small_shape(), small_text());
    return score_of(model, make_batch());
  };
  EXPECT_TRUE(torch::equal(score(BbfnConfig::StateLayer::first, 1), score(BbfnConfig::StateLayer::last, 1)));
  EXPECT_FALSE(torch::equal(score(BbfnConfig::StateLayer::first, 2), score(BbfnConfig::StateLayer::last, 2)));
}

TEST(Bbfn, DropoutsActInTrainingOnly) {
  for (const int which : {0, 1, 2, 3}) {
    torch::manual_seed(1);
    auto config = small_config();
    config.dropout_text = 0;
    config.dropout_attention = which == 0 ? 0.5 : 0;
    config.dropout_relu = which == 1 ? 0.5 : 0;
    config.dropout_residual = which == 2 ? 0.5 : 0;
    config.dropout_output = which == 3 ? 0.5 : 0;
    Bbfn model(config, small_shape(), small_text());
    const auto batch = make_batch();
    EXPECT_TRUE(torch::equal(score_of(model, batch), score_of(model, batch)));
    model.train();
    EXPECT_FALSE(torch::equal(model.forward(batch, nullptr).score, model.forward(batch, nullptr).score)) << which;
  }
}

TEST(Bbfn, RefusesHeadsThatDoNotDivideTheWidthAndEvenKernels) {
  auto config = small_config();
  config.heads = 3;
  EXPECT_THROW(Bbfn(config, small_shape(), small_text()), ConfigError);
  config = small_config();
  config.kernel_audio = 2;
  EXPECT_THROW(Bbfn(config, small_shape(), small_text()), ConfigError);
}

}  // namespace
}  // namespace kuda::bbfn
