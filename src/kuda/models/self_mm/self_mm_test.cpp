// What the golden cases of Self-MM do not pin: kept centres, refusals, what a checkpoint holds, dropout places.

#include "kuda/models/self_mm/self_mm.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "kuda/base/error.h"
#include "kuda/models/kuda/test_tiny.h"

namespace kuda::self_mm {
namespace {

using test::tiny_batch;
using test::tiny_shape;
using test::tiny_text;
using torch::Tensor;

TrainingFacts facts_of(const Batch& batch) {
  TrainingFacts facts;
  facts.rows = batch.rows;
  facts.labels = [batch] { return batch.label; };
  facts.batch_size = batch.size();
  return facts;
}

UnimodalLabels bank_with(bool keep_empty_centres, const std::vector<float>& labels) {
  UnimodalLabelOptions options;
  options.widths = {2, 2, 2, 2};
  options.keep_empty_centres = keep_empty_centres;
  UnimodalLabels bank(options);
  std::vector<std::int64_t> rows;
  for (std::size_t i = 0; i < labels.size(); ++i) rows.push_back(std::int64_t(10 + i));
  bank->begin_training(rows, torch::tensor(labels));
  return bank;
}

TEST(UnimodalLabels, AnEmptySideKeepsItsCentreOrBecomesNaNAsPublished) {
  for (const bool is_kept : {true, false}) {
    auto bank = bank_with(is_kept, {1, 2});
    bank->update_centres();
    const auto centres = bank->named_buffers()["centres_text"];
    EXPECT_TRUE(centres[0].isfinite().all().item<bool>());
    EXPECT_EQ(centres[1].isnan().all().item<bool>(), !is_kept);
  }
}

TEST(UnimodalLabels, TheFirstEpochLeavesTheMultimodalLabel) {
  auto bank = bank_with(true, {1, -1, 0.5F});
  const PerHead features{torch::randn({2, 2}), torch::randn({2, 2}), torch::randn({2, 2}), torch::randn({2, 2})};
  bank->update(features, {12, 10}, 1);
  EXPECT_TRUE(torch::equal(bank->labels({10, 11, 12})[1], torch::tensor({1.0F, -1.0F, 0.5F})));
  EXPECT_TRUE(torch::equal(bank->named_buffers()["features_audio"][2], features[2][0]));
  bank->update(features, {12, 10}, 2);
  const auto labels = bank->labels({10, 11, 12});
  EXPECT_FALSE(torch::equal(labels[1], labels[0]));
  EXPECT_TRUE(torch::equal(labels[0], torch::tensor({1.0F, -1.0F, 0.5F})));  // the fusion head's never change
}

TEST(UnimodalLabels, ARowThatIsNotTrainedOnIsRefused) {
  auto bank = bank_with(true, {1, -1});
  EXPECT_THROW((void)bank->labels({3}), DataError);
}

TEST(UnimodalLabels, BeginningAgainStartsOver) {
  auto bank = bank_with(true, {1, -1});
  bank->begin_training({4}, torch::tensor({0.5F}));
  EXPECT_EQ(bank->labels({4}).size(1), 1);
  EXPECT_EQ(bank->named_buffers()["features_text"].size(0), 1);
}

TEST(SelfMm, NeedsEveryModality) {
  auto shape = tiny_shape();
  shape.present.audio = false;
  EXPECT_THROW(SelfMm(SelfMmConfig(), shape, tiny_text()), ConfigError);
}

TEST(SelfMm, ACheckpointLeavesTheBanksOut) {
  SelfMm model(SelfMmConfig(), tiny_shape(), tiny_text());
  model.begin_training(facts_of(tiny_batch()));
  const auto buffers = model.named_buffers();
  EXPECT_EQ(buffers.size(), 9U);
  for (const auto& item : buffers) EXPECT_FALSE(model.is_saved(item.key())) << item.key();
  EXPECT_TRUE(model.is_saved("post_fusion_layer_1.weight"));
}

TEST(SelfMm, InTheFirstEpochUnimodalHeadsHaveALossOfZero) {
  SelfMm model(SelfMmConfig(), tiny_shape(), tiny_text());
  const auto batch = tiny_batch();
  model.begin_training(facts_of(batch));
  const auto losses = model.loss(model.forward(batch, nullptr), batch);
  ASSERT_EQ(losses.terms.size(), 4U);
  for (std::size_t head = 1; head < 4; ++head) EXPECT_EQ(losses.terms[head].second.item<float>(), 0.0F);
}

TEST(SelfMm, AFrozenTextEncoderIsInNoGroup) {
  SelfMmConfig config;
  config.finetune_text = false;
  SelfMm model(config, tiny_shape(), tiny_text());
  const auto groups = model.parameter_groups();
  EXPECT_TRUE(groups[0].parameters.empty());
  EXPECT_TRUE(groups[1].parameters.empty());
  EXPECT_EQ(groups[2].parameters.size(), 6U);  // LSTM and linear
}

TEST(SelfMm, DropoutStandsBeforeEachHead) {
  SelfMmConfig config;
  auto text = tiny_text();
  text.bert.dropout = 0;
  config.dropout_text = config.dropout_audio = 0;
  config.dropout_vision = 0.5;
  SelfMm model(config, tiny_shape(), text);
  const auto batch = tiny_batch();
  const auto dropped = model.forward(batch, nullptr);
  model.eval();
  const auto plain = model.forward(batch, nullptr);
  EXPECT_TRUE(torch::allclose(dropped.score, plain.score));
  EXPECT_FALSE(torch::allclose(dropped.unimodal.vision, plain.unimodal.vision));
}

TEST(SelfMm, OwnLabelsAreALossBesideTheGeneratedOnes) {
  SelfMmConfig config;
  config.own_labels = 0.5;
  SelfMm model(config, tiny_shape(), tiny_text());
  auto batch = tiny_batch();
  model.begin_training(facts_of(batch));
  const auto output = model.forward(batch, nullptr);
  batch.unimodal_labels.text = output.unimodal.text.detach() + 0.5F;
  const auto losses = model.loss(output, batch);
  ASSERT_EQ(losses.terms.size(), 5U);
  EXPECT_NEAR(losses.terms[4].second.item<float>(), 0.5, 1e-6);
  // In the first epoch the generated labels are those of the clip and have no weight.
  EXPECT_NEAR(losses.total.item<float>(), losses.terms[0].second.item<float>() + 0.25, 1e-6);
  model.eval();
  EXPECT_EQ(model.loss(output, batch).terms.size(), 1U);
}

}  // namespace
}  // namespace kuda::self_mm
