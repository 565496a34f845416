#include "kuda/models/mult/mult.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "kuda/base/error.h"
#include "kuda/models/test_batch.h"

namespace kuda::mult {
namespace {

using torch::Tensor;

DataShape small_shape() {
  DataShape shape;
  shape.length.text = 6;
  shape.width.text = 10;
  shape.length.vision = 9;
  shape.width.vision = 3;
  shape.length.audio = 12;
  shape.width.audio = 5;
  return shape;
}

MultConfig small_config() {
  MultConfig config;
  config.width = 8;
  config.heads = 2;
  config.levels = 1;
  config.kernel_text = 3;
  config.kernel_vision = 1;
  config.kernel_audio = 2;
  config.dropout_text = config.dropout_attention = config.dropout_attention_audio = config.dropout_attention_vision = 0;
  config.dropout_relu = config.dropout_embedding = config.dropout_residual = config.dropout_output = 0;
  return config;
}

/// The first text is shorter than the kernel.
Batch make_batch() {
  Batch batch;
  batch.ids = {"a", "b", "c"};
  batch.rows = {0, 1, 2};
  batch.text_features = test::random_sequence(6, 10, {2, 5, 3});
  batch.vision = test::random_sequence(9, 3, {1, 4, 7});
  batch.audio = test::random_sequence(12, 5, {10, 1, 2});
  batch.label = torch::tensor({0.5F, -1.0F, 2.0F});
  return batch;
}

std::shared_ptr<Mult> make(const MultConfig& config, const DataShape& shape = small_shape()) {
  torch::manual_seed(3);
  auto model = std::make_shared<Mult>(config, shape, TextEncoder());
  const torch::NoGradGuard no_grad;
  for (auto& parameter : model->parameters()) parameter.add_(torch::randn_like(parameter) * 0.1);
  return model;
}

Sequence cut(const Sequence& sequence, std::int64_t length) {
  return {sequence.values.slice(1, 0, length), sequence.padding.slice(1, 0, length), sequence.lengths, Tensor()};
}

TEST(Mult, SoundOptionLeavesPaddingOut) {
  for (const bool positions : {false, true}) {
    auto config = small_config();
    config.positions = positions;
    config.reference_quirks = false;
    const auto model = make(config);
    model->eval();
    ASSERT_TRUE(model->is_padding_invariant());
    const torch::NoGradGuard no_grad;
    const auto batch = make_batch();
    const auto score = model->forward(batch, nullptr).score;
    auto dirty = batch;
    for (auto* sequence : {&dirty.text_features, &dirty.vision, &dirty.audio})
      sequence->values = sequence->values.masked_fill(sequence->padding.unsqueeze(-1), 9);
    EXPECT_TRUE(torch::allclose(model->forward(dirty, nullptr).score, score, 0, 1e-5));
    auto shorter = batch;  // to the longest clip
    shorter.text_features = cut(batch.text_features, 5);
    shorter.vision = cut(batch.vision, 7);
    shorter.audio = cut(batch.audio, 10);
    EXPECT_TRUE(torch::allclose(model->forward(shorter, nullptr).score, score, 0, 1e-5));
  }
}

TEST(Mult, AsPublishedPaddingCounts) {
  const auto model = make(small_config());
  model->eval();
  EXPECT_FALSE(model->is_padding_invariant());
  auto batch = make_batch();
  const auto score = model->forward(batch, nullptr).score;
  batch.audio.values = batch.audio.values.masked_fill(batch.audio.padding.unsqueeze(-1), 9);
  EXPECT_FALSE(torch::allclose(model->forward(batch, nullptr).score, score));
}

TEST(Mult, EachDropoutActsWhereItsNameSays) {
  const auto moved = [](double MultConfig::*rate) {
    auto config = small_config();
    config.*rate = 0.5;
    const auto model = make(config);
    const auto batch = make_batch();
    Trace first, second;
    (void)model->forward(batch, &first);
    (void)model->forward(batch, &second);
    std::vector<std::string> names;
    for (const auto& [name, value] : first.all())
      if (!torch::equal(value, second.at(name))) names.push_back(name);
    return names;
  };
  const auto has = [](const std::vector<std::string>& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  const auto text = moved(&MultConfig::dropout_text);
  EXPECT_TRUE(has(text, "proj_l") && !has(text, "proj_a"));
  const auto audio = moved(&MultConfig::dropout_attention_audio);
  EXPECT_TRUE(has(audio, "trans_l_with_a") && has(audio, "trans_v_with_a"));
  EXPECT_FALSE(has(audio, "trans_l_with_v") || has(audio, "trans_a_with_l"));
  const auto vision = moved(&MultConfig::dropout_attention_vision);
  EXPECT_TRUE(has(vision, "trans_a_with_v") && !has(vision, "trans_l_with_a"));
  const auto attention = moved(&MultConfig::dropout_attention);
  EXPECT_TRUE(has(attention, "trans_a_with_l") && has(attention, "trans_l_mem"));
  EXPECT_FALSE(has(attention, "trans_l_with_a"));
  EXPECT_EQ(moved(&MultConfig::dropout_output), (std::vector<std::string>{"M"}));
  for (const auto rate : {&MultConfig::dropout_embedding, &MultConfig::dropout_residual, &MultConfig::dropout_relu})
    EXPECT_TRUE(has(moved(rate), "trans_l_with_a_layer0"));
}

TEST(Mult, WithoutDropoutItOverfitsOneBatch) {  // what the conformance suite asks, where the defaults drop too much
  const auto config = small_config();
  torch::manual_seed(3);
  Mult model(config, small_shape(), TextEncoder());
  const auto batch = make_batch();
  torch::optim::AdamW optimizer(model.parameters(), torch::optim::AdamWOptions(5e-3));
  double before = 0, after = 0;
  for (int i = 0; i <= 50; ++i) {
    optimizer.zero_grad();
    const auto losses = model.loss(model.forward(batch, nullptr), batch);
    after = losses.total.item<double>();
    if (i == 0) before = after;
    losses.total.backward();
    optimizer.step();
  }
  EXPECT_LT(after, 0.5 * before);
}

TEST(Mult, RefusesSubsetsAndSequencesShorterThanAKernel) {
  auto shape = small_shape();
  shape.present.audio = false;
  EXPECT_THROW(make(small_config(), shape), ConfigError);
  shape = small_shape();
  shape.length.text = 2;
  EXPECT_THROW(make(small_config(), shape), ConfigError);
  const auto model = make(small_config());
  auto batch = make_batch();
  batch.text_features = cut(batch.text_features, 2);
  EXPECT_THROW((void)model->forward(batch, nullptr), ShapeError);
  batch = make_batch();
  batch.vision = {};
  EXPECT_THROW((void)model->forward(batch, nullptr), ShapeError);
}

TEST(CrossmodalTransformer, TheMaskShiftsByTheDifferenceOfTheLengths) {
  const auto mask = [](std::int64_t queries, std::int64_t keys) {
    return crossmodal_mask({torch::zeros({1, queries, 4}), {}}, {torch::zeros({1, keys, 4}), {}}, true);
  };
  EXPECT_TRUE(torch::equal(mask(2, 2), torch::tensor({{true, false}, {true, true}})));
  EXPECT_TRUE(torch::equal(mask(2, 4), torch::tensor({{true, true, true, false}, {true, true, true, true}})));
  EXPECT_TRUE(mask(4, 2).all().item<bool>());  // shifted the same way: nothing is hidden
}

TEST(CrossmodalTransformer, PositionsStartAtOneAndSkipFramesWhoseFirstChannelIsZero) {
  auto x = torch::ones({1, 3, 5});
  x[0][1][0] = 0;
  const auto skipping = sinusoidal_positions(x, true), all = sinusoidal_positions(x, false);
  EXPECT_NEAR(all[0][0][0].item<float>(), std::sin(1.0), 1e-6);
  EXPECT_NEAR(all[0][2][2].item<float>(), std::cos(3.0), 1e-6);
  EXPECT_EQ(all[0][2][4].item<float>(), 0);  // odd width
  EXPECT_EQ(skipping[0][1].abs().max().item<float>(), 0);
  EXPECT_TRUE(torch::equal(skipping[0][2], all[0][2]));
  CrossmodalOptions narrow;
  narrow.dim = 3;
  narrow.has_positions = true;
  EXPECT_THROW((CrossmodalTransformer(narrow)), ConfigError);
}

}  // namespace
}  // namespace kuda::mult
