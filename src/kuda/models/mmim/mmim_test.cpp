// What the golden cases of MMIM do not pin: singular covariances, the memory across phases, refusals, layers, dropout.

#include "kuda/models/mmim/mmim.h"

#include <gtest/gtest.h>

#include <cmath>

#include "kuda/base/error.h"
#include "kuda/models/kuda/test_tiny.h"

namespace kuda::mmim {
namespace {

using test::tiny_batch;
using test::tiny_shape;
using test::tiny_text;
using torch::Tensor;

TrainingFacts training_facts() {
  TrainingFacts facts;
  facts.batch_size = 3;
  return facts;
}

TEST(InformationBound, TooFewSamplesGiveNoEntropyOrNoNumberAsPublished) {
  for (const bool is_skipped : {true, false}) {
    MmimConfig config;
    config.skip_singular = is_skipped;
    InformationBound bound(config, 4, 8);
    bound->begin_training(1, 3, torch::kCPU);
    const SignedSamples samples{torch::randn({3, 2}), torch::zeros({0, 2})};  // no clip with a negative label
    const auto entropy = bound->entropy(samples).item<double>();
    EXPECT_EQ(entropy == 0, is_skipped);
    EXPECT_EQ(std::isfinite(entropy), is_skipped);
  }
}

TEST(InformationBound, ABatchBeyondTheMemoryIsRefused) {
  InformationBound bound(MmimConfig(), 4, 8);
  bound->begin_training(1, 3, torch::kCPU);
  EXPECT_THROW(bound->store(0, {torch::randn({4, 2}), torch::randn({1, 2})}), ShapeError);
}

TEST(InformationBound, HasTheActivationThatWasAskedFor) {
  MmimConfig config;
  config.bound_activation = Activation::elu;
  InformationBound bound(config, 4, 8);
  const auto x = torch::randn({3, 4}), y = torch::randn({3, 8});
  Trace trace;
  (void)bound->forward(x, y, "tv", &trace);
  auto names = bound->named_parameters();
  const auto inner = torch::elu(x.matmul(names["mlp_mu.0.weight"].t()) + names["mlp_mu.0.bias"]);
  const auto mean = inner.matmul(names["mlp_mu.2.weight"].t()) + names["mlp_mu.2.bias"];
  EXPECT_TRUE(torch::allclose(trace.at("mu_tv"), mean, 0, 1e-5)) << "float32 of values of order one";
}

TEST(ContrastiveTerm, HasItsActivationAfterTheFirstLayerOnly) {
  MmimConfig config;
  config.contrast_layers = 3;
  config.contrast_activation = Activation::relu;
  config.fusion_width = 5;
  ContrastiveTerm term(config, 4);
  auto names = term->named_parameters();
  const auto x = torch::randn({3, 4}), fusion = torch::randn({3, 5});
  const auto layer = [&](const Tensor& input, const std::string& name) {
    return input.matmul(names[name + ".weight"].t()) + names[name + ".bias"];
  };
  const auto predicted = layer(layer(layer(fusion, "net.0").relu(), "net.2"), "net.3");
  const auto cosine = (x / x.norm(2, 1, true)).matmul((predicted / predicted.norm(2, 1, true)).t());
  const auto expected = (cosine.logsumexp(1) - cosine.diagonal()).mean();
  EXPECT_NEAR(term->forward(x, fusion).item<double>(), expected.item<double>(), 1e-5);
}

TEST(Mmim, TheMemoryStartsEmptyUnlessThePhaseIsContinued) {
  Mmim model(MmimConfig(), tiny_shape(), tiny_text());
  model.begin_training(training_facts());
  const auto batch = tiny_batch();
  model.begin_phase(1, false);
  model.after_backward(model.forward(batch, nullptr), batch);
  const auto step = [&] { return model.named_buffers()["memory_step"].item<std::int64_t>(); };
  EXPECT_EQ(step(), 1);
  EXPECT_EQ(model.named_buffers()["mi_tv.memory_counts"][0][0].item<std::int64_t>(), 2);  // positive labels
  model.begin_phase(1, true);
  EXPECT_EQ(step(), 1);
  model.begin_phase(1, false);
  EXPECT_EQ(step(), 0);
}

TEST(Mmim, ACheckpointLeavesTheMemoryOut) {
  Mmim model(MmimConfig(), tiny_shape(), tiny_text());
  model.begin_training(training_facts());
  EXPECT_EQ(model.named_buffers().size(), 5U);
  for (const auto& item : model.named_buffers()) EXPECT_FALSE(model.is_saved(item.key())) << item.key();
  for (const auto& item : model.named_parameters()) EXPECT_TRUE(model.is_saved(item.key())) << item.key();
}

TEST(Mmim, TheFirstPhaseMovesOnlyTheBounds) {
  Mmim model(MmimConfig(), tiny_shape(), tiny_text());
  for (const auto& group : model.parameter_groups()) {
    EXPECT_EQ(group.phase == 0, group.parameters.size() == 20U) << group.parameters.size();  // 2 bounds of 5 layers
    EXPECT_EQ(group.is_scheduled, group.phase == 1) << "a plateau lowers the rates of the main phase only";
  }
  EXPECT_EQ(model.num_phases(), 2);
}

TEST(Mmim, OnMoseiTheFirstPhaseStopsHalfWay) {
  MmimConfig config;
  config.bound_share = 0.5;
  Mmim model(config, tiny_shape(), tiny_text());
  EXPECT_EQ(model.phase_steps(0, 7), 4);  // batches 0 to 3: the next has i / 7 >= 0.5
  EXPECT_EQ(model.phase_steps(1, 7), 7);
}

TEST(Mmim, WithoutContrastThereIsOnePhaseAndOneLoss) {
  MmimConfig config;
  config.contrast = false;
  Mmim model(config, tiny_shape(), tiny_text());
  model.begin_training(training_facts());
  const auto batch = tiny_batch();
  EXPECT_EQ(model.num_phases(), 1);
  model.begin_phase(0, false);
  const auto losses = model.loss(model.forward(batch, nullptr), batch);
  EXPECT_EQ(losses.terms.size(), 1U);
  losses.total.backward();
  EXPECT_FALSE(model.named_parameters()["mi_tv.mlp_mu.0.weight"].grad().defined());
}

TEST(Mmim, TheStatesOfTheLastLayerAreReadWithoutQuirks) {
  const auto gradient = [](bool reference_quirks) {
    MmimConfig config;
    config.layers = 2;
    config.dropout_audio = config.dropout_vision = 0;
    config.reference_quirks = reference_quirks;
    Mmim model(config, tiny_shape(), tiny_text());
    model.forward(tiny_batch(), nullptr).score.sum().backward();
    return model.named_parameters()["acoustic_enc.rnn.weight_hh_l1"].grad().abs().sum().item<double>();
  };
  EXPECT_EQ(gradient(true), 0);
  EXPECT_GT(gradient(false), 0);
}

TEST(Mmim, RefusesWhatHasNoMeaning) {
  auto shape = tiny_shape();
  shape.present.text = false;
  EXPECT_THROW(Mmim(MmimConfig(), shape, tiny_text()), ConfigError);
  MmimConfig config;
  config.layers = 2;
  config.bidirectional = false;
  EXPECT_THROW(Mmim(config, tiny_shape(), tiny_text()), ConfigError);
}

}  // namespace
}  // namespace kuda::mmim
