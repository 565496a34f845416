#include "kuda/models/cubemlp/cubemlp.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "kuda/base/error.h"
#include "kuda/models/test_batch.h"

namespace kuda::cubemlp {
namespace {

using torch::Tensor;

DataShape small_shape() {
  DataShape shape;
  shape.length.text = shape.length.vision = shape.length.audio = 6;
  shape.width.vision = 4;
  shape.width.audio = 3;
  return shape;
}

TextEncoder small_text() { return test::small_encoder(16, 3); }

CubeMlpConfig small_config() {
  CubeMlpConfig config;
  config.width = 8;
  config.time_length = 7;
  config.hidden_time = config.out_time = {5, 4};
  config.hidden_channel = config.out_channel = {8, 6};
  config.frozen_layers = 2;
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
  batch.vision = test::random_sequence(6, 4, {3, 6});
  batch.audio = test::random_sequence(6, 3, {3, 6});
  batch.label = torch::tensor({0.5F, -1.0F});
  return batch;
}

Tensor score_of(Model& model, const Batch& batch, Trace* trace = nullptr) {
  model.eval();
  const torch::NoGradGuard no_grad;
  return model.forward(batch, trace).score;
}

TEST(CubeMlp, MaskedFramesOfPaddingDoNotReachTheScore) {
  for (const bool is_masked : {true, false}) {
    torch::manual_seed(1);
    auto config = small_config();
    config.encoder = CubeMlpConfig::Encoder::conv;  // an RNN never reads padded frames
    config.mask_padding = is_masked;
    CubeMlp model(config, small_shape(), small_text());
    auto batch = make_batch();
    const auto before = score_of(model, batch);
    batch.audio.values[0][5].fill_(9);  // two frames past the last real one
    EXPECT_EQ(torch::allclose(score_of(model, batch), before, 0, 1e-6), is_masked);
  }
}

TEST(CubeMlp, CentredFramesMoveAgainstTheirWordsAndPooledOnesDoNot) {
  torch::manual_seed(1);
  auto config = small_config();
  config.encoder = CubeMlpConfig::Encoder::conv;
  auto batch = make_batch();
  batch.audio = test::random_sequence(12, 3, {12, 12});
  batch.audio.values.zero_();
  batch.audio.values.slice(1, 0, 2).fill_(1);  // belongs to the first word
  for (const auto align : {CubeMlpConfig::Align::pool, CubeMlpConfig::Align::centre}) {
    config.align = align;
    CubeMlp model(config, small_shape(), small_text());
    Trace trace;
    score_of(model, batch, &trace);
    const auto encoded = trace.at("ln_a")[1];  // [L, c]; centred, the first three frames are cut
    EXPECT_EQ(torch::allclose(encoded[0], encoded[3], 1e-3, 1e-3), align == CubeMlpConfig::Align::centre);
  }
}

TEST(CubeMlp, SumIsAMeanAsPublishedAndASumWithoutTheQuirk) {
  using Compose = CubeMlpConfig::Compose;
  const auto run = [](Compose time, Compose modality, bool has_quirks, Trace& trace) {
    torch::manual_seed(1);
    auto config = small_config();
    config.compose_time = time;
    config.compose_modality = modality;
    config.reference_quirks = has_quirks;
    CubeMlp model(config, small_shape(), small_text());
    return score_of(model, make_batch(), &trace);
  };
  const std::vector<std::pair<Compose, Compose>> compositions{
      {Compose::sum, Compose::cat}, {Compose::cat, Compose::sum}, {Compose::sum, Compose::sum}};
  for (const auto& [time, modality] : compositions) {
    const bool adds_time = time == Compose::sum, adds_modality = modality == Compose::sum;
    Trace published, mean, sound;
    const auto score = run(time, modality, true, published);
    EXPECT_TRUE(torch::equal(
        score, run(adds_time ? Compose::mean : time, adds_modality ? Compose::mean : modality, true, mean)));
    EXPECT_FALSE(torch::equal(score, run(time, modality, false, sound)));
    // By hand from the last block [B, 4, 3, 6]: channels innermost, then time, then modality.
    const auto cube = sound.at("features"), features = sound.at("mean/fused");
    ASSERT_EQ(features.size(1), 6 * (adds_time ? 1 : 4) * (adds_modality ? 1 : 3));
    for (std::int64_t clip = 0; clip < 2; ++clip)
      for (std::int64_t i = 0; i < features.size(1); ++i) {
        double sum = 0;
        for (std::int64_t t = 0; t < 4; ++t)
          for (std::int64_t k = 0; k < 3; ++k)
            if ((adds_time || t == i / 6 % 4) && (adds_modality || k == i / (adds_time ? 6 : 24)))
              sum += cube[clip][t][k][i % 6].item<double>();
        EXPECT_NEAR(features[clip][i].item<double>(), sum, 1e-5)
            << name_of(time) << ", " << name_of(modality) << ", feature " << i;
      }
  }
}

TEST(CubeMlp, FreezesTheLowestLayersAndScalesTheRestOfBert) {
  CubeMlp model(small_config(), small_shape(), small_text());
  for (const auto& item : model.named_parameters())
    EXPECT_EQ(item.value().requires_grad(), item.key().find("encoder.layer.0.") == std::string::npos &&
                                                item.key().find("encoder.layer.1.") == std::string::npos)
        << item.key();
  const auto groups = model.parameter_groups();
  ASSERT_EQ(groups.size(), 2U);
  EXPECT_DOUBLE_EQ(groups[0].lr_scale, 0.01);
  EXPECT_DOUBLE_EQ(groups[1].lr_scale, 1.0);
}

TEST(CubeMlp, WithoutTextTheCubeHasTwoModalities) {
  auto shape = small_shape();
  shape.present.text = false;
  CubeMlp model(small_config(), shape, small_text());
  auto batch = make_batch();
  batch.text_ids = batch.text_segments = batch.text_padding = Tensor();
  Trace trace;
  EXPECT_TRUE(score_of(model, batch, &trace).isfinite().all().item<bool>());
  EXPECT_EQ(trace.at("cube").sizes(), (std::vector<std::int64_t>{2, 7, 2, 8}));
}

TEST(CubeMlp, RefusesListsOfDifferentLengthsAndSizesThatAPlainResidualCannotChange) {
  auto config = small_config();
  config.out_modality = {3};
  EXPECT_THROW(CubeMlp(config, small_shape(), small_text()), ConfigError);
  config = small_config();
  config.residual_projection = {0};
  EXPECT_THROW(CubeMlp(config, small_shape(), small_text()), ConfigError);
}

TEST(CubeMlp, DropoutsActInTrainingOnly) {
  for (const int which : {0, 1}) {
    torch::manual_seed(1);
    auto config = small_config();
    config.dropout_text = 0;
    config.dropout = std::vector<double>(4, which == 0 ? 0.5 : 0.0);
    config.dropout_mlp = std::vector<double>(3, which == 1 ? 0.5 : 0.0);
    CubeMlp model(config, small_shape(), small_text());
    const auto batch = make_batch();
    EXPECT_TRUE(torch::equal(score_of(model, batch), score_of(model, batch)));
    model.train();
    EXPECT_FALSE(torch::equal(model.forward(batch, nullptr).score, model.forward(batch, nullptr).score));
  }
}

}  // namespace
}  // namespace kuda::cubemlp
