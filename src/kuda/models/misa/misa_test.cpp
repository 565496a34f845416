#include "kuda/models/misa/misa.h"

#include <gtest/gtest.h>

#include "kuda/base/error.h"
#include "kuda/models/misa/misa_losses.h"
#include "kuda/models/test_batch.h"

namespace kuda::misa {
namespace {

using torch::Tensor;

DataShape small_shape() {
  DataShape shape;
  shape.length.text = 6;
  shape.length.vision = 9;
  shape.width.vision = 3;
  shape.length.audio = 12;
  shape.width.audio = 5;
  return shape;
}

MisaConfig small_config() {
  MisaConfig config;
  config.width = 8;
  config.dropout = config.dropout_fusion = 0;
  return config;
}

TextEncoder small_text() {
  auto text = test::small_encoder(8, 1);
  text.bert.dropout = 0;
  return text;
}

/// Texts of 3, 5 and 4 word pieces.
Batch make_batch() {
  Batch batch;
  batch.ids = {"a", "b", "c"};
  batch.rows = {0, 1, 2};
  batch.text_ids = torch::randint(1, 20, {3, 6});
  batch.text_segments = torch::zeros({3, 6}, torch::kInt64);
  batch.text_padding = test::padding_from(6, torch::tensor({3, 5, 4}));
  batch.vision = test::random_sequence(9, 3, {2, 6, 9});
  batch.audio = test::random_sequence(12, 5, {10, 1, 2});
  batch.label = torch::tensor({0.5F, -1.0F, 2.0F});
  return batch;
}

std::shared_ptr<Misa> make(const MisaConfig& config, const DataShape& shape = small_shape()) {
  torch::manual_seed(3);
  return std::make_shared<Misa>(config, shape, small_text());
}

Tensor score_of(Misa& model, const Batch& batch) {
  const torch::NoGradGuard no_grad;
  return model.forward(batch, nullptr).score;
}

TEST(Misa, AsPublishedFramesBeyondTheTextAreNotRead) {
  const auto model = make(small_config());
  model->eval();
  auto batch = make_batch();
  const auto before = score_of(*model, batch);
  batch.vision.values[0].slice(0, 3).fill_(9);  // the first text has 3 word pieces
  EXPECT_TRUE(torch::equal(score_of(*model, batch), before));
  batch.vision.values[0][2].fill_(9);  // padding, but within the text's length
  EXPECT_FALSE(torch::allclose(score_of(*model, batch), before));
  EXPECT_FALSE(model->is_padding_invariant());
}

TEST(Misa, SoundOptionReadsEachModalityToItsEnd) {
  auto config = small_config();
  config.reference_quirks = false;
  const auto model = make(config);
  model->eval();
  auto batch = make_batch();
  const auto before = score_of(*model, batch);
  EXPECT_TRUE(model->is_padding_invariant());
  for (auto* sequence : {&batch.vision, &batch.audio})
    sequence->values = sequence->values.masked_fill(sequence->padding.unsqueeze(-1), 9);
  batch.text_ids = batch.text_ids.masked_fill(batch.text_padding, 3);
  EXPECT_TRUE(torch::allclose(score_of(*model, batch), before, 0, 1e-6));
  batch.audio.values[0][9].fill_(9);  // the last real frame, far beyond the text
  EXPECT_FALSE(torch::allclose(score_of(*model, batch), before, 0, 1e-6));
}

TEST(Misa, ShortSequencesAreReadAsIfFollowedByZeros) {
  const auto model = make(small_config());
  model->eval();
  auto batch = make_batch();
  batch.vision.values.slice(1, 2).zero_();
  const auto padded = score_of(*model, batch);
  batch.vision.values = batch.vision.values.slice(1, 0, 2);  // texts have up to 5 word pieces
  EXPECT_TRUE(torch::allclose(score_of(*model, batch), padded, 0, 1e-6));
}

TEST(Misa, ABatchOfOneHasFiniteGradients) {
  for (const auto similarity : {MisaConfig::Similarity::cmd, MisaConfig::Similarity::adversarial}) {
    auto config = small_config();
    config.similarity = similarity;
    const auto model = make(config);
    auto batch = make_batch();
    const auto cut = [](const Sequence& x) {
      return Sequence{x.values.slice(0, 0, 1), x.padding.slice(0, 0, 1), x.lengths.slice(0, 0, 1), Tensor()};
    };
    batch.ids = {"a"};
    batch.text_ids = batch.text_ids.slice(0, 0, 1);
    batch.text_segments = batch.text_segments.slice(0, 0, 1);
    batch.text_padding = batch.text_padding.slice(0, 0, 1);
    batch.vision = cut(batch.vision);
    batch.audio = cut(batch.audio);
    batch.label = batch.label.slice(0, 0, 1);
    const auto losses = model->loss(model->forward(batch, nullptr), batch);
    losses.total.backward();
    for (const auto& item : model->named_parameters())
      if (item.value().grad().defined()) EXPECT_TRUE(item.value().grad().isfinite().all().item<bool>()) << item.key();
  }
}

TEST(Misa, TheReversedGradientHasTheOtherSign) {
  const auto x = torch::ones({2}, torch::requires_grad());
  const auto y = reverse_gradient(x, 0.5);
  EXPECT_TRUE(torch::allclose(y, x));
  y.sum().backward();
  EXPECT_TRUE(torch::allclose(x.grad(), torch::full({2}, -0.5)));
}

TEST(Misa, AFrozenBertGetsNoGradient) {
  auto config = small_config();
  config.finetune_bert = false;
  const auto model = make(config);
  const auto batch = make_batch();
  model->loss(model->forward(batch, nullptr), batch).total.backward();
  for (const auto& item : model->named_parameters()) {
    const bool is_bert = item.key().starts_with("bertmodel.");
    EXPECT_EQ(item.value().requires_grad(), !is_bert) << item.key();
    if (is_bert) EXPECT_FALSE(item.value().grad().defined()) << item.key();
  }
}

TEST(Misa, RefusesSubsetsAndOddWidths) {
  auto shape = small_shape();
  shape.present.vision = false;
  EXPECT_THROW(make(small_config(), shape), ConfigError);
  auto config = small_config();
  config.width = 7;
  EXPECT_THROW(make(config), ConfigError);
  const auto model = make(small_config());
  auto batch = make_batch();
  batch.audio = {};
  EXPECT_THROW((void)model->forward(batch, nullptr), ShapeError);
}

}  // namespace
}  // namespace kuda::misa
