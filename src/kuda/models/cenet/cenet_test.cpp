// What the golden cases of CENet do not pin: the sound option, refusals, frozen tables, groups, initial values.

#include "kuda/models/cenet/cenet.h"

#include <gtest/gtest.h>

#include "kuda/base/error.h"
#include "kuda/models/kuda/tiny.h"

namespace kuda {
namespace {

using testing_kuda::tiny_batch;
using testing_kuda::tiny_shape;
using testing_kuda::tiny_text;
using torch::Tensor;

/// Scores with the padded frames as they are and with other values in them.
std::pair<Tensor, Tensor> scores_with_other_padding(bool reference_quirks) {
  torch::manual_seed(3);
  CenetConfig config;
  config.reference_quirks = reference_quirks;
  Cenet model(config, tiny_shape(), tiny_text());
  {
    const torch::NoGradGuard no_grad;  // larger weights, so that frames matter
    for (auto& parameter : model.parameters()) parameter.mul_(5);
  }
  model.eval();
  auto batch = tiny_batch();
  const auto before = model.forward(batch, nullptr).score;
  batch.audio.values = batch.audio.values.masked_fill(batch.audio.padding.unsqueeze(-1), 9.0);
  return {before, model.forward(batch, nullptr).score};
}

TEST(Cenet, PaddedFramesCountOnlyAsPublished) {
  const auto published = scores_with_other_padding(true), sound = scores_with_other_padding(false);
  EXPECT_FALSE(torch::allclose(published.first, published.second));
  EXPECT_TRUE(torch::allclose(sound.first, sound.second));
}

TEST(Cenet, NeedsEveryModalityAndTwoLayers) {
  auto shape = tiny_shape();
  shape.present[1] = false;
  EXPECT_THROW(Cenet(CenetConfig(), shape, tiny_text()), ConfigError);
  auto text = tiny_text();
  text.bert.num_hidden_layers = 1;
  EXPECT_THROW(Cenet(CenetConfig(), tiny_shape(), text), ConfigError);
}

TEST(Cenet, EmbeddingTablesTrainOnlyWhenAsked) {
  for (const bool is_trained : {false, true}) {
    CenetConfig config;
    config.train_embeddings = is_trained;
    Cenet model(config, tiny_shape(), tiny_text());
    const auto batch = tiny_batch();
    model.loss(model.forward(batch, nullptr), batch).total.backward();
    const auto parameters = model.named_parameters();
    EXPECT_EQ(parameters["bert.embeddings.word_embeddings.weight"].grad().defined(), is_trained);
    EXPECT_FALSE(parameters["bert.embeddings.senti_embeddings.weight"].requires_grad());
    EXPECT_TRUE(parameters["bert.encoder.CE.visual_transform.0.weight"].grad().defined());
  }
}

TEST(Cenet, BiasesDecayOnlyInTheEnhancement) {
  Cenet model(CenetConfig(), tiny_shape(), tiny_text());
  const auto groups = model.parameter_groups();
  ASSERT_EQ(groups.size(), 3U);
  EXPECT_EQ(groups[0].weight_decay, 0);
  EXPECT_LT(groups[1].weight_decay, 0);  // that of the training section
  EXPECT_LT(groups[2].weight_decay, 0);
  EXPECT_EQ(groups[2].parameters.size(), 22U);  // 2 MLPs of 2 layers, 2 attentions of 3, one more
}

TEST(Cenet, WhatIsNotInAnEncoderFileStartsAsBertDoes) {
  torch::manual_seed(1);
  Cenet model(CenetConfig(), tiny_shape(), tiny_text());
  const auto parameters = model.named_parameters();
  EXPECT_NEAR(parameters["bert.encoder.CE.cat_connect.weight"].std().item<double>(), 0.02, 0.004);
  EXPECT_EQ(parameters["classifier.out_proj.bias"].item<float>(), 0);
}

}  // namespace
}  // namespace kuda
