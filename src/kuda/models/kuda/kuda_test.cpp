#include "kuda/models/kuda/kuda.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "kuda/base/error.h"
#include "kuda/models/kuda/test_tiny.h"
#include "kuda/tensor/linear.h"
#include "kuda/tensor/state_dict.h"

namespace kuda::kuda_model {
namespace {

using test::stir;
using test::tiny_batch;
using test::tiny_config;
using test::tiny_kuda;
using test::tiny_shape;
using test::tiny_text;
using torch::Tensor;

/// Predictions of the training graph when the unimodal predictions are as given through the label: the ratio is
/// moved by moving the label, which reaches nothing else of the forward pass.
double largest_move_by_the_ratio(KudaConfig::RatioPlace place) {
  auto config = tiny_config();
  config.ratio_place = place;
  config.ratio = KudaConfig::Ratio::gaussian;
  config.k = 5;
  const auto model = tiny_kuda(config);
  stir(*model);
  model->train();
  const torch::NoGradGuard no_grad;
  auto batch = tiny_batch();
  Trace near, far;
  batch.label = model->forward(batch, nullptr).unimodal.text.clone();  // text is exactly right
  const auto a = model->forward(batch, &near).score;
  batch.label = model->forward(batch, nullptr).unimodal.audio.clone();  // audio is
  const auto b = model->forward(batch, &far).score;
  EXPECT_GT((near.at("ratio/T") - far.at("ratio/T")).abs().max().item<double>(), 0.01) << "the ratio did not move";
  return (a - b).abs().max().item<double>();
}

/// With layers that are large enough to be prepared in float32, in the encoder, its adapters and the fusion.
std::shared_ptr<Kuda> make_wide() {
  auto config = tiny_config();
  config.width = 384;
  config.heads = 4;
  config.head_width = 96;
  config.feed_forward = 768;
  auto text = tiny_text();
  text.bert.hidden_size = 768;
  text.bert.intermediate_size = 384;
  torch::manual_seed(7);
  const auto model = std::make_shared<Kuda>(config, tiny_shape(), text);
  model->eval();
  model->leave_out_padding();
  return model;
}

TEST(Kuda, PreparedForScoringItGivesTheSameScores) {
  const torch::NoGradGuard no_grad;
  const auto model = make_wide();
  const auto batch = tiny_batch();
  const auto before = model->forward(batch, nullptr);
  double weights = 0;
  for (const auto& parameter : model->parameters()) weights += double(parameter.nbytes());
  model->prepare_for_scoring(Precision::fp32);
  if (!is_prepared(*model)) GTEST_SKIP() << "LibTorch was built without oneDNN";
  const auto after = model->forward(batch, nullptr);
  EXPECT_TRUE(torch::allclose(after.score, before.score, 0, 1e-5));  // scores of order one, float32 rounding
  for (const auto m : kModalities) EXPECT_TRUE(torch::allclose(after.unimodal[m], before.unimodal[m], 0, 1e-5));
  double left = prepared_bytes(*model);
  EXPECT_GT(left, 0.5 * weights) << "most weights are in large layers";
  for (const auto& parameter : model->parameters()) left += double(parameter.nbytes());
  EXPECT_EQ(left, weights) << "memory holds each weight once";
  EXPECT_THROW(model->train(), Error);
  EXPECT_THROW((void)state_of(*model), Error);
}

TEST(Kuda, Int8IsForTheTextEncoderAlone) {
  if (!support_of(torch::kCPU).int8) GTEST_SKIP();
  const torch::NoGradGuard no_grad;
  const auto model = make_wide();
  auto batch = tiny_batch();
  const auto before = model->forward(batch, nullptr);
  model->prepare_for_scoring(Precision::int8);
  const auto after = model->forward(batch, nullptr);
  // 2 % a product in two layers, halved by the residuals, of a score of order one.
  EXPECT_TRUE(torch::allclose(after.score, before.score, 0.05, 0.05));
  EXPECT_FALSE(torch::allclose(after.unimodal.text, before.unimodal.text, 0, 1e-5)) << "the text is not in int8";
  for (const auto m : {Modality::vision, Modality::audio})  // as exact as before
    EXPECT_TRUE(torch::allclose(after.unimodal[m], before.unimodal[m], 0, 1e-5));
}

TEST(Kuda, ReleasedRatioDoesNotReachThePrediction) {
  // LN((1 + R) C) = LN(C) up to the norm's eps = 1e-5: only that and rounding are left.
  const double pre = largest_move_by_the_ratio(KudaConfig::RatioPlace::pre),
               post = largest_move_by_the_ratio(KudaConfig::RatioPlace::post);
  RecordProperty("largest_move_pre", fmt::format("{:.1e}", pre));
  RecordProperty("largest_move_post", fmt::format("{:.1e}", post));
  EXPECT_LT(pre, 1e-5);
  EXPECT_GT(post, 20 * pre);
}

TEST(Kuda, RatioSumsToOneAndFavoursTheNearestModality) {
  for (const auto function : {KudaConfig::Ratio::inverse, KudaConfig::Ratio::gaussian}) {
    auto config = tiny_config();
    config.ratio = function;
    config.k = 2;
    const ModalityTensors predictions{torch::tensor({{0.5F}}), torch::tensor({{1.0F}}), Tensor()};
    const auto ratio = sentiment_ratio(config, predictions, torch::tensor({0.5F}));
    EXPECT_FALSE(ratio.audio.defined());
    EXPECT_NEAR((ratio.text + ratio.vision).item<float>(), 1, 1e-6);
    // d = 0 and 0.5: 1 and 1/2 for inverse, 1 and exp(-1/2) for gaussian.
    const double second = function == KudaConfig::Ratio::inverse ? 0.5 : std::exp(-0.5);
    EXPECT_NEAR(ratio.text.item<float>(), 1 / (1 + second), 1e-6);
  }
}

TEST(Kuda, GaussianRatioSurvivesDistancesThatUnderflow) {
  auto config = tiny_config();
  config.ratio = KudaConfig::Ratio::gaussian;
  config.k = 5;
  const ModalityTensors predictions{torch::tensor({{6.0F}}), torch::tensor({{6.1F}}), torch::tensor({{-9.0F}})};
  const auto ratio = sentiment_ratio(config, predictions, torch::tensor({0.0F}));
  EXPECT_NEAR(ratio.text.item<float>(), 1 / (1 + std::exp(-5 * (6.1 * 6.1 - 36))), 1e-4);
}

TEST(Kuda, ScoresDoNotSeeTheLabelOutsideTraining) {
  const auto model = tiny_kuda(tiny_config());
  model->eval();
  auto batch = tiny_batch();
  const auto with_label = model->forward(batch, nullptr).score;
  batch.label = batch.label + 2;
  EXPECT_TRUE(torch::equal(with_label, model->forward(batch, nullptr).score));
  batch.label = Tensor();
  EXPECT_TRUE(torch::equal(with_label, model->forward(batch, nullptr).score));
}

KudaConfig masked_config() {
  auto config = tiny_config();
  config.mask_decoder_mean = config.mask_alignment = config.mask_fusion = true;
  return config;
}

Sequence cut(const Sequence& sequence, std::int64_t length) {
  return {sequence.values.slice(1, 0, length), sequence.padding.slice(1, 0, length), sequence.lengths,
          sequence.missing};
}

TEST(Kuda, MaskedProfileIgnoresPaddingAltogether) {
  const auto model = tiny_kuda(masked_config());
  stir(*model);
  model->eval();
  ASSERT_TRUE(model->is_padding_invariant());
  const torch::NoGradGuard no_grad;
  const auto batch = tiny_batch();
  const auto full = model->forward(batch, nullptr);

  auto dirty = batch;  // other numbers at padded positions
  dirty.vision.values =
      torch::where(batch.vision.padding.unsqueeze(-1), torch::randn_like(batch.vision.values), batch.vision.values);
  dirty.text_ids = torch::where(batch.text_padding, torch::ones_like(batch.text_ids), batch.text_ids);
  // Float sums over more or fewer exact zeros may round differently: a few ulp of values of order one.
  EXPECT_TRUE(torch::allclose(full.score, model->forward(dirty, nullptr).score, 0, 1e-6));

  auto shorter = batch;  // cut to the longest clip: 5 pieces, 6 and 5 frames
  shorter.text_ids = batch.text_ids.slice(1, 0, 5);
  shorter.text_segments = batch.text_segments.slice(1, 0, 5);
  shorter.text_padding = batch.text_padding.slice(1, 0, 5);
  shorter.vision = cut(batch.vision, 6);
  shorter.audio = cut(batch.audio, 5);
  const auto trimmed = model->forward(shorter, nullptr);
  EXPECT_TRUE(torch::allclose(full.score, trimmed.score, 0, 1e-6));
  for (const auto m : kModalities) EXPECT_TRUE(torch::allclose(full.unimodal[m], trimmed.unimodal[m], 0, 1e-6));
  EXPECT_TRUE(torch::allclose(full.terms[0].second, trimmed.terms[0].second, 0, 1e-5));
}

TEST(Kuda, PaperProfileSeesPadding) {  // documented: nothing is masked in the fusion
  const auto model = tiny_kuda(tiny_config());
  model->eval();
  auto batch = tiny_batch();
  const auto before = model->forward(batch, nullptr).score;
  batch.vision.values = torch::where(batch.vision.padding.unsqueeze(-1), batch.vision.values + 3, batch.vision.values);
  EXPECT_FALSE(torch::allclose(before, model->forward(batch, nullptr).score));
  EXPECT_FALSE(model->is_padding_invariant());
}

TEST(Kuda, AnyNonEmptySubsetOfModalitiesScores) {
  for (int subset = 1; subset < 8; ++subset) {
    auto shape = tiny_shape();
    for (const auto m : kModalities) shape.present[m] = (subset >> static_cast<int>(m) & 1) != 0;
    const auto built = tiny_kuda(tiny_config(), shape);  // trained on the subset
    const auto whole = tiny_kuda(tiny_config());         // asked for the subset at prediction
    built->eval();
    whole->eval();
    auto batch = tiny_batch();
    if (!shape.present.text) batch.text_ids = batch.text_padding = batch.text_segments = Tensor();
    if (!shape.present.vision) batch.vision = {};
    if (!shape.present.audio) batch.audio = {};
    for (const auto& model : {built, whole}) {
      const auto output = model->forward(batch, nullptr);
      EXPECT_TRUE(output.score.isfinite().all().item<bool>()) << subset;
      EXPECT_EQ(output.score.sizes(), (std::vector<std::int64_t>{3}));
      for (const auto m : kModalities) EXPECT_EQ(output.unimodal[m].defined(), shape.present[m]);
    }
  }
  auto shape = tiny_shape();
  shape.present = {false, false, false};
  EXPECT_THROW(tiny_kuda(tiny_config(), shape), ConfigError);
}

TEST(Kuda, DataWithoutTextsAlignToTheLongestModalityInUse) {
  auto shape = tiny_shape();
  shape.length.text = 0;
  shape.present = {false, true, true};
  const auto model = tiny_kuda(tiny_config(), shape);
  auto batch = tiny_batch();
  batch.text_ids = batch.text_padding = batch.text_segments = Tensor();
  Trace trace;
  (void)model->forward(batch, &trace);
  for (const char* name : {"aligned/V", "aligned/A"})
    EXPECT_EQ(trace.at(name).size(1), shape.length.vision) << name;  // 8 frames; audio has 7
}

TEST(Kuda, EveryTrainableParameterGetsAGradientAndFrozenOnesNone) {
  const auto model = tiny_kuda(tiny_config());
  model->train();
  const auto batch = tiny_batch();
  model->loss(model->forward(batch, nullptr), batch).total.backward();
  for (const auto& item : model->named_parameters()) {
    const auto& name = item.key();
    const bool is_frozen = name.find("adapter") != std::string::npos || name.find("decoder") != std::string::npos;
    EXPECT_EQ(item.value().requires_grad(), !is_frozen) << name;
    const bool is_unused = name.find("pooler") != std::string::npos;  // in the published files, never read
    EXPECT_EQ(item.value().grad().defined(), !is_frozen && !is_unused) << name;
  }
}

TEST(Kuda, WithoutKnowledgeNothingIsFrozen) {
  auto config = tiny_config();
  config.knowledge = false;
  for (const auto& parameter : tiny_kuda(config)->parameters()) EXPECT_TRUE(parameter.requires_grad());
  EXPECT_TRUE(info().pretrain_tasks(config, tiny_shape(), tiny_shape(), tiny_text()).empty());
}

TEST(Kuda, ClonesStartFromTheSameValues) {
  const auto model = tiny_kuda(tiny_config());
  const auto p = model->named_parameters();
  const std::string v = "UniEncKI.enc_v.encoder.", f = "DyMultiFus.dec_list.";
  EXPECT_TRUE(torch::equal(p[v + "adapters.0.down_project.weight"], p[v + "adapters.2.down_project.weight"]));
  EXPECT_TRUE(torch::equal(p[v + "tfencoder.tfencoder.layers.0.linear1.weight"],
                           p[v + "tfencoder.tfencoder.layers.3.linear1.weight"]));
  EXPECT_TRUE(torch::equal(p[f + "0.mhatt2.to_q.weight"], p[f + "1.mhatt2.to_q.weight"]));
  EXPECT_FALSE(
      torch::equal(p[f + "0.mhatt1.f_t.cross_attn.to_q.weight"], p[f + "0.mhatt1.f_v.cross_attn.to_q.weight"]));
}

TEST(Kuda, AdapterLayersKeepTheirFractionOfDepth) {
  KudaConfig config;
  EXPECT_EQ(text_adapter_layers(config, 12), (std::vector<std::int64_t>{3, 6, 9, 11}));
  EXPECT_EQ(text_adapter_layers(config, 6), (std::vector<std::int64_t>{1, 3, 4, 5}));
  EXPECT_EQ(text_adapter_layers(config, 24), (std::vector<std::int64_t>{6, 12, 18, 22}));
  EXPECT_THROW((void)text_adapter_layers(config, 3), ConfigError);  // 9 and 11 both become layer 2
  config.adapter_layers = {13};
  EXPECT_THROW((void)text_adapter_layers(config, 12), ConfigError);
}

TEST(Kuda, EveryFusionOfTable7TrainsAndScores) {
  using Kind = KudaConfig::FusionKind;
  for (const auto fusion : {Kind::addition, Kind::concatenation, Kind::tensor, Kind::low_rank, Kind::text_centred}) {
    auto config = masked_config();
    config.fusion = fusion;
    const auto model = tiny_kuda(config);
    model->train();
    auto batch = tiny_batch();
    const auto output = model->forward(batch, nullptr);
    model->loss(output, batch).total.backward();
    for (const auto& item : model->named_parameters())
      if (item.key().starts_with("DyMultiFus"))
        EXPECT_TRUE(item.value().grad().defined()) << name_of(fusion) << ": " << item.key();
    batch.audio = {};  // and with a modality missing at prediction
    EXPECT_TRUE(model->forward(batch, nullptr).score.isfinite().all().item<bool>()) << name_of(fusion);
  }
  auto config = tiny_config();
  config.fusion = KudaConfig::FusionKind::text_centred;
  auto shape = tiny_shape();
  shape.present.text = false;
  EXPECT_THROW(tiny_kuda(config, shape), ConfigError);
}

TEST(Kuda, ContrastiveLossOfAZeroVectorIsFinite) {
  const auto loss = contrastive_loss(torch::zeros({2, 3}), torch::ones({2, 3}));
  EXPECT_NEAR(loss.item<float>(), std::log(2.0), 1e-6);
  EXPECT_NEAR(contrastive_loss(torch::ones({1, 3}), torch::ones({1, 3})).item<float>(), 0, 1e-6);  // batch of one
}

TEST(LoadState, NamesTheFirstThreeDifferencesAndTheLikelyCause) {
  const auto model = tiny_kuda(tiny_config());
  auto text = tiny_text();
  text.bert.vocab_size = 50;
  const Kuda other(tiny_config(), tiny_shape(), text);
  io::ArrayFile state;
  state.path = "model.safetensors";
  state.arrays = state_of(other);
  try {
    load_state(*model, state);
    FAIL();
  } catch (const CheckpointError& error) {
    const std::string message = error.what();
    EXPECT_NE(message.find("word_embeddings.weight: file [50, 16], model [40, 16]"), std::string::npos) << message;
    EXPECT_NE(message.find("another vocabulary"), std::string::npos) << message;
  }
}

}  // namespace
}  // namespace kuda::kuda_model
