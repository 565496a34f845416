#include "kuda/models/kuda/trust.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "kuda/base/error.h"
#include "kuda/models/kuda/kuda.h"
#include "kuda/models/kuda/test_tiny.h"

namespace kuda::kuda_model {
namespace {

using test::stir;
using test::tiny_batch;
using test::tiny_kuda;
using test::tiny_selecting;
using test::tiny_shape;
using test::tiny_text;
using torch::Tensor;

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

/// Makes the trust head of one modality say `distance` of every clip.
void say(Kuda& model, Modality modality, double distance) {
  const torch::NoGradGuard no_grad;
  auto parameters = model.unimodal(modality)->trust()->named_parameters();
  parameters["distance.weight"].zero_();
  parameters["distance.bias"].fill_(std::log(std::expm1(distance)));  // softplus undoes it
}

/// Text is exactly right, the others are far off, or another way round.
Output with_nearest(Kuda& model, const Batch& batch, Modality nearest) {
  for (const auto m : kModalities) say(model, m, m == nearest ? 0.01 : 9);
  return model.forward(batch, nullptr);
}

TEST(Trust, RatiosSumToOneAndNeverSeeTheLabel) {
  auto config = tiny_selecting();
  config.dropout_text = config.dropout_sequence = config.dropout_adapter = config.dropout_fusion = 0.2;
  const auto model = tiny_kuda(config);
  stir(*model);
  auto batch = tiny_batch();
  auto scored = [&] {
    torch::manual_seed(5);  // of the dropout
    return model->forward(batch, nullptr);
  };
  for (const bool is_training : {true, false}) {
    model->train(is_training);
    batch.label = torch::tensor({0.5F, -1.0F, 0.25F});
    const auto before = scored();
    EXPECT_TRUE(torch::allclose(before.ratio.text + before.ratio.vision + before.ratio.audio, torch::ones({3})));
    batch.label = torch::tensor({-0.5F, 0.2F, 1.0F});
    const auto after = scored();
    EXPECT_TRUE(torch::equal(after.score, before.score)) << is_training;
    EXPECT_TRUE(torch::equal(after.ratio.audio, before.ratio.audio)) << is_training;
  }
}

TEST(Trust, TheScoreFollowsTheModalityThatIsTrusted) {
  for (const auto score : {KudaConfig::Score::mean, KudaConfig::Score::both}) {
    auto config = tiny_selecting();
    config.score = score;
    const auto model = tiny_kuda(config);
    stir(*model->unimodal(Modality::text));
    stir(*model->unimodal(Modality::audio));
    model->eval();
    for (const auto m : kModalities) {  // at first there is no correction, so the trusted decoder's score is the score
      const auto output = with_nearest(*model, tiny_batch(), m);
      EXPECT_TRUE(torch::allclose(output.score, output.unimodal[m], 0, 1e-6)) << modality_name(m);
    }
  }
}

/// How far the score moves when another modality becomes the trusted one, through the fusion alone.
double largest_move(KudaConfig::RatioPlace place) {
  auto config = tiny_selecting();
  config.score = KudaConfig::Score::fusion;
  config.ratio_place = place;
  const auto model = tiny_kuda(config);
  stir(*model);
  model->eval();
  const torch::NoGradGuard no_grad;
  const auto batch = tiny_batch();
  const auto text = with_nearest(*model, batch, Modality::text).score;
  return (text - with_nearest(*model, batch, Modality::audio).score).abs().max().item<double>();
}

TEST(Trust, APredictedRatioReachesTheFusionInTests) {
  // Where the norm cancels it (kuda_test.cpp), only the norm's eps = 1e-5 and rounding are left.
  const double pre = largest_move(KudaConfig::RatioPlace::pre);
  EXPECT_LT(pre, 1e-5);
  EXPECT_GT(largest_move(KudaConfig::RatioPlace::post), 20 * pre);
  EXPECT_GT(largest_move(KudaConfig::RatioPlace::scale), 20 * pre);
}

TEST(Trust, PartsAndCorrectionAddUpToTheScore) {
  const auto model = tiny_kuda(tiny_selecting());
  stir(*model);
  model->eval();
  const auto batch = tiny_batch();
  const auto output = model->forward(batch, nullptr);
  auto scale = model->named_parameters()["score_scale"];
  Tensor sum = torch::zeros({3});
  for (const auto m : kModalities) {
    EXPECT_TRUE(torch::allclose(output.parts[m], scale * output.ratio[m] * output.unimodal[m])) << modality_name(m);
    sum = sum + output.parts[m];
  }
  const torch::NoGradGuard no_grad;
  scale.zero_();
  const auto correction = model->forward(batch, nullptr).score;
  EXPECT_GT((correction - correction[0]).abs().max().item<float>(), 1e-4) << "the fusion says something of each clip";
  EXPECT_TRUE(torch::allclose(output.score, sum + correction, 0, 1e-6));
}

TEST(Trust, AMissingModalityHasRatioZero) {
  const auto model = tiny_kuda(tiny_selecting());
  stir(*model);
  model->eval();
  auto batch = tiny_batch();
  const auto before = model->forward(batch, nullptr).ratio;
  batch.vision.missing = torch::tensor({false, true, false});
  batch.audio.missing = torch::tensor({false, true, true});
  batch.text_padding = torch::arange(6).unsqueeze(0) >= torch::tensor({3, 2, 4}).unsqueeze(1);  // clip 1: no word
  const auto ratio = model->forward(batch, nullptr).ratio;
  EXPECT_TRUE(torch::equal(ratio.text[0], before.text[0])) << "nothing is missing from clip 0";
  EXPECT_EQ(ratio.audio[2].item<float>(), 0);
  EXPECT_NEAR((ratio.text[2] + ratio.vision[2]).item<float>(), 1, 1e-6);
  // Of the others' ratio to each other nothing changes: exp(-k d) of both stays.
  EXPECT_NEAR((ratio.text[2] / ratio.vision[2]).item<float>(), (before.text[2] / before.vision[2]).item<float>(), 1e-5);
  EXPECT_NEAR((ratio.text[1] + ratio.vision[1] + ratio.audio[1]).item<float>(), 1, 1e-6) << "a clip of nothing";
}

TEST(Trust, AMissingModalityHasRatioZeroForEveryFunction) {
  for (const auto function : {KudaConfig::Ratio::inverse, KudaConfig::Ratio::gaussian, KudaConfig::Ratio::exponential,
                              KudaConfig::Ratio::precision}) {
    auto config = tiny_selecting();
    config.ratio = function;
    config.k = 2;
    const ModalityTensors distances{torch::tensor({{0.0F}}), torch::tensor({{0.5F}}), torch::tensor({{0.0F}})};
    const auto no = torch::tensor({false}), yes = torch::tensor({true});
    const auto ratio = ratio_of(config, distances, {no, no, yes});
    EXPECT_EQ(ratio.audio.item<float>(), 0) << name_of(function);
    const double second = function == KudaConfig::Ratio::gaussian      ? std::exp(-0.5)
                          : function == KudaConfig::Ratio::exponential ? std::exp(-1)
                                                                       : 0.5;  // k d = 1: 1 / (1 + 1)
    EXPECT_NEAR(ratio.text.item<float>(), 1 / (1 + second), 1e-6) << name_of(function);
  }
}

TEST(Trust, OneModalityHasRatioOne) {
  for (const auto only : kModalities) {
    auto shape = tiny_shape();
    shape.present = {false, false, false};
    shape.present[only] = true;
    const auto model = tiny_kuda(tiny_selecting(), shape);
    model->eval();
    auto batch = tiny_batch();
    if (only != Modality::text) batch.text_ids = batch.text_padding = batch.text_segments = Tensor();
    const auto output = model->forward(batch, nullptr);
    EXPECT_TRUE(torch::equal(output.ratio[only], torch::ones({3}))) << modality_name(only);
    EXPECT_TRUE(torch::allclose(output.score, output.unimodal[only])) << modality_name(only);
  }
}

TEST(Trust, PaddingDoesNotChangeTheRatio) {
  const auto model = tiny_kuda(tiny_selecting());
  stir(*model);
  model->eval();
  ASSERT_TRUE(model->is_padding_invariant());
  const torch::NoGradGuard no_grad;
  const auto batch = tiny_batch();
  auto dirty = batch;
  for (auto* sequence : {&dirty.vision, &dirty.audio})
    sequence->values =
        torch::where(sequence->padding.unsqueeze(-1), torch::randn_like(sequence->values), sequence->values);
  dirty.text_ids = torch::where(batch.text_padding, torch::ones_like(batch.text_ids), batch.text_ids);
  const auto before = model->forward(batch, nullptr).ratio, after = model->forward(dirty, nullptr).ratio;
  // Sums over other exact zeros may round differently: a few ulp.
  for (const auto m : kModalities) EXPECT_TRUE(torch::allclose(before[m], after[m], 0, 1e-6)) << modality_name(m);
}

TEST(Trust, GradientsReachTheTrustHeadsAndNoFrozenTensor) {
  const auto model = tiny_kuda(tiny_selecting());
  stir(*model);
  model->train();
  const auto batch = tiny_batch();
  model->loss(model->forward(batch, nullptr), batch).total.backward();
  int heads = 0;
  for (const auto& item : model->named_parameters()) {
    const auto& name = item.key();
    const bool is_frozen = name.find("adapter") != std::string::npos || name.find("decoder") != std::string::npos;
    const bool is_unused = name.find("pooler") != std::string::npos;
    EXPECT_EQ(item.value().grad().defined(), !is_frozen && !is_unused) << name;
    if (name.find(".trust.distance.") == std::string::npos) continue;
    ++heads;
    EXPECT_GT(item.value().grad().abs().max().item<float>(), 0) << name;
  }
  EXPECT_EQ(heads, 6) << "weight and bias of three";
}

TEST(Trust, TheTaskTeachesTheRatioUnlessItIsDetached) {
  for (const bool is_detached : {false, true}) {
    auto config = tiny_selecting();
    config.trust_weight = 0;
    config.ratio_detach = is_detached;
    const auto model = tiny_kuda(config);
    stir(*model);
    model->train();
    const auto batch = tiny_batch();
    model->loss(model->forward(batch, nullptr), batch).total.backward();
    const auto gradient = model->named_parameters()["UniEncKI.enc_v.trust.distance.bias"].grad();
    const double size = gradient.defined() ? gradient.abs().max().item<double>() : 0;
    EXPECT_EQ(size > 0, !is_detached);
  }
}

TEST(Trust, TheHeadsChangeNoOtherInitialValue) {
  auto without = tiny_selecting();
  without.ratio_from = KudaConfig::RatioFrom::label;
  without.score = KudaConfig::Score::fusion;
  const auto plain = tiny_kuda(without)->named_parameters(),
             selecting = tiny_kuda(tiny_selecting())->named_parameters();
  EXPECT_EQ(selecting.size(), plain.size() + 3 * 6 + 2) << "three heads of three layers, scale and offset";
  for (const auto& item : plain) {
    const bool is_last_layer = item.key().starts_with("CLS.cls_layer.4.");
    EXPECT_EQ(torch::equal(item.value(), selecting[item.key()]), !is_last_layer) << item.key();
  }
  EXPECT_EQ(selecting["CLS.cls_layer.4.weight"].abs().max().item<float>(), 0) << "the correction starts at 0";
}

TEST(Trust, TheErrorComparesWithTheOwnLabelWhereItIsKnown) {
  const auto distance = torch::tensor({0.5F, 0.5F, 0.5F}, torch::requires_grad());
  const auto prediction = torch::tensor({0.1F, 0.1F, 0.1F}, torch::requires_grad());
  Batch batch;
  batch.label = torch::tensor({0.2F, 0.2F, kNaN});
  batch.unimodal_labels.audio = torch::tensor({1.0F, kNaN, 1.0F});
  KudaConfig config;
  const auto value = [&] { return trust_error(config, distance, prediction, batch, Modality::audio).item<float>(); };
  const auto error = trust_error(config, distance, prediction, batch, Modality::audio);
  EXPECT_NEAR(error.item<float>(), (0.3 + 0.4 + 0) / 3, 1e-6);  // targets 0.8 and 0.1
  error.backward();
  EXPECT_TRUE(torch::allclose(distance.grad(), torch::tensor({-1.0F, 1.0F, 0.0F}) / 3));
  EXPECT_FALSE(prediction.grad().defined());
  batch.held_out.audio = torch::tensor({0.3F, 0.9F, 0.3F});  // target 0.7 where there is no own label
  EXPECT_NEAR(value(), (0.3 + 0.2) / 3, 1e-6);
  batch.unimodal_labels.audio = Tensor();
  EXPECT_NEAR(value(), (0.4 + 0.2) / 3, 1e-6);
  batch.held_out.audio = torch::tensor({kNaN, kNaN, kNaN});
  EXPECT_NEAR(value(), (0.4 + 0.4) / 3, 1e-6);
  batch.unimodal_labels.audio = torch::tensor({1.0F, kNaN, 1.0F});
  config.trust_target = KudaConfig::TrustTarget::prediction;
  EXPECT_NEAR(value(), (0.4 + 0.4) / 3, 1e-6);
  batch.multimodal_label = torch::tensor({0.1F, 0.1F, kNaN});  // stage 1: batch.label is what the decoder learns
  EXPECT_NEAR(value(), (0.5 + 0.5) / 3, 1e-6);
}

// The mean of Gaussian experts is their scores weighted by precisions; each variance is learned by likelihood.
TEST(Trust, GaussianExpertsWeighByPrecision) {
  KudaConfig config;
  config.ratio = KudaConfig::Ratio::precision;
  config.trust_loss = KudaConfig::TrustLoss::likelihood;
  config.k = 4;  // least variance 1/16
  const auto ratio = ratio_of(config, {torch::tensor({{0.25F}}), torch::tensor({{0.75F}}), Tensor()});
  const double text = 1 / (0.0625 + 0.0625), vision = 1 / (0.5625 + 0.0625);
  EXPECT_NEAR(ratio.text.item<float>(), text / (text + vision), 1e-6);

  Batch batch;
  batch.label = torch::tensor({0.0F, 0.0F, kNaN});
  batch.unimodal_labels.audio = torch::tensor({0.5F, -0.5F, 1.0F});
  const auto error = [&](double variance) {
    const auto distance = torch::full({3}, std::sqrt(variance - 0.0625), torch::requires_grad());
    const auto value = trust_error(config, distance, torch::zeros({3}), batch, Modality::audio);
    value.backward();
    EXPECT_EQ(distance.grad()[2].item<float>(), 0) << "a clip without label teaches nothing";
    return std::pair(value.item<double>(), distance.grad()[0].item<double>());
  };
  EXPECT_NEAR(error(0.5).first, (std::log(0.5) + 0.25 / 0.5) / 2 * 2 / 3, 1e-6);
  EXPECT_NEAR(error(0.25).second, 0, 1e-6) << "best where the variance is the squared distance";
  EXPECT_LT(error(0.2).second, 0);
  EXPECT_GT(error(0.3).second, 0);
}

TEST(Trust, OneJointStageHasNoTaskBeforeItAndTeachesTheDecoders) {
  auto config = tiny_selecting();
  const auto two_stages = tiny_kuda(config);
  config.knowledge = false;
  config.own_labels = 0.5;
  EXPECT_TRUE(info().pretrain_tasks(config, tiny_shape(), tiny_shape(), tiny_text()).empty());
  const auto joint = tiny_kuda(config);
  auto batch = tiny_batch();
  batch.unimodal_labels = {torch::tensor({0.5F, kNaN, 0.0F}), torch::tensor({1.0F, 0.0F, -1.0F}), Tensor()};
  two_stages->eval();
  joint->eval();
  const auto output = joint->forward(batch, nullptr);
  const auto plain = two_stages->loss(two_stages->forward(batch, nullptr), batch), losses = joint->loss(output, batch);
  const auto off = [&](const Tensor& scores, std::size_t m, std::int64_t clip) {
    return std::abs(scores[clip].item<double>() -
                    (m == 0 ? batch.unimodal_labels.text : batch.unimodal_labels.vision)[clip].item<double>());
  };
  const auto &text = output.unimodal.text, &vision = output.unimodal.vision;
  const double own =
      ((off(text, 0, 0) + off(text, 0, 2)) / 2 + (off(vision, 1, 0) + off(vision, 1, 1) + off(vision, 1, 2)) / 3) / 2;
  EXPECT_NEAR((losses.total - plain.total).item<double>(), 0.5 * own, 1e-6);
  joint->train();
  joint->loss(joint->forward(batch, nullptr), batch).total.backward();
  for (const auto& item : joint->named_parameters())
    if (item.key().find("pooler") == std::string::npos) EXPECT_TRUE(item.value().grad().defined()) << item.key();
}

TEST(Trust, KnowledgeThawsInTheLastEpochsAndIsTheOptimisersFromTheFirst) {
  auto config = tiny_selecting();
  const auto count = [](Kuda& model) { return model.parameter_groups()[0].parameters.size(); };
  const auto frozen = tiny_kuda(config);
  frozen->begin_epoch(2, 3);
  config.thaw_epochs = 1;
  const auto model = tiny_kuda(config);
  const auto in_use = count(*model);
  EXPECT_GT(in_use, count(*frozen)) << "without the option they stay frozen";
  for (std::int64_t epoch = 0; epoch < 3; ++epoch) {
    model->begin_epoch(epoch, 3);
    EXPECT_EQ(count(*model), in_use);
    for (const auto& item : model->named_parameters())
      if (is_knowledge(item.key())) EXPECT_EQ(item.value().requires_grad(), epoch == 2) << item.key() << epoch;
  }
}

TEST(Trust, OptionsThatContradictEachOtherAreNamed) {
  const auto message = [](auto change) -> std::string {
    auto config = tiny_selecting();
    change(config);
    try {
      check(config);
    } catch (const ConfigError& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(message([](KudaConfig&) {}), "");
  const auto names = [&](auto change, const char* key) { return message(change).find(key) != std::string::npos; };
  EXPECT_TRUE(names([](auto& c) { c.ratio_from = KudaConfig::RatioFrom::label; }, "kuda.score"));
  EXPECT_TRUE(names([](auto& c) { c.decoders = c.adapters = false; }, "kuda.decoders"));
  EXPECT_TRUE(names([](auto& c) { c.ratio = KudaConfig::Ratio::none; }, "kuda.ratio"));
  EXPECT_TRUE(names([](auto& c) { c.ratio_at_test = KudaConfig::RatioAtTest::none; }, "kuda.ratio_at_test"));
  EXPECT_TRUE(names([](auto& c) { c.ratio_label_scale = 3; }, "kuda.ratio_label_scale"));
  EXPECT_TRUE(names([](auto& c) { c.own_labels = 1, c.decoders = c.adapters = false; }, "kuda.own_labels"));
  EXPECT_TRUE(names([](auto& c) { c.trust_loss = KudaConfig::TrustLoss::likelihood, c.k = 0; }, "kuda.k"));
}

}  // namespace
}  // namespace kuda::kuda_model
