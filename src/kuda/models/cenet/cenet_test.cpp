// What the golden cases of CENet do not pin: the sound option, refusals, frozen tables, groups, initial values, where
// the clusters of the codebook variant come from.

#include "kuda/models/cenet/cenet.h"

#include <gtest/gtest.h>

#include "kuda/base/error.h"
#include "kuda/base/test_support.h"
#include "kuda/models/kuda/test_tiny.h"
#include "kuda/tensor/state_dict.h"

namespace kuda::cenet {
namespace {

using test::tiny_batch;
using test::tiny_shape;
using test::tiny_text;
using torch::Tensor;

CenetConfig codebook_config() {
  CenetConfig config;
  config.variant = CenetConfig::Variant::codebook;
  config.clusters = 4;
  return config;
}

/// Training clips that are those of one batch, whatever their rows.
TrainingFacts facts_of(const Batch& batch) {
  TrainingFacts facts;
  facts.rows = batch.rows;
  facts.batch_size = batch.size();
  facts.collate = [batch](const std::vector<std::int64_t>&) { return batch; };
  return facts;
}

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
  shape.present.vision = false;
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

TEST(CenetCodebook, ClustersComeFromTrueTrainingFramesAndNothingElse) {
  torch::manual_seed(5);
  auto batch = tiny_batch();
  batch.vision.missing = torch::tensor({false, true, false});
  const auto centres_after = [&](const Batch& data) {
    Cenet model(codebook_config(), tiny_shape(), tiny_text());
    model.begin_training(facts_of(data));
    const auto buffers = model.named_buffers();
    return torch::cat({buffers["roberta.encoder.CE.visual_codebook.centres"],
                       buffers["roberta.encoder.CE.visual_codebook.mean"].unsqueeze(0)});
  };
  const auto centres = centres_after(batch);
  auto other = batch;
  other.vision.values = batch.vision.values.masked_fill(batch.vision.padding.unsqueeze(-1), 9.0);
  other.vision.values[1].fill_(-9.0);  // the clip without vision
  EXPECT_TRUE(torch::equal(centres_after(other), centres)) << "and the fit uses no random state of the run";
  other.vision.values = batch.vision.values.clone();
  other.vision.values[0][0].fill_(9.0);
  EXPECT_FALSE(torch::equal(centres_after(other), centres));
}

TEST(CenetCodebook, ClustersAreOfStandardisedFramesAndPaddingIsTheLastId) {
  torch::manual_seed(5);
  // The first feature is loud and one cloud, the second is quiet and has two groups.
  const auto group = torch::arange(40).remainder(2);
  const auto frames = torch::stack({100 * torch::randn({40}), 0.01 * group}, 1);
  Codebook codebook(2, 2);
  codebook->fit(frames, "audio");
  Sequence sequence;
  sequence.values = frames.unsqueeze(0);
  sequence.padding = torch::arange(40).unsqueeze(0) >= 30;
  const auto ids = codebook->ids(sequence)[0];
  EXPECT_TRUE(torch::equal(ids.slice(0, 0, 30), (ids[0] - group).abs().slice(0, 0, 30))) << ids;
  EXPECT_TRUE(ids.slice(0, 30).eq(2).all().item<bool>());
  EXPECT_THROW(codebook->fit(frames.slice(0, 0, 0), "audio"), DataError);
  EXPECT_THROW(codebook->fit(frames / 0, "audio"), DataError);
}

TEST(CenetCodebook, ALargeSampleHoldsEveryFrameWithTheSameProbability) {
  FrameSample sample(1, 3);
  Sequence sequence;
  sequence.values = torch::arange(200000).to(torch::kFloat32).view({20, -1, 1});
  sequence.padding = torch::zeros({20, 10000}, torch::kBool);
  sample.add(sequence);
  const auto frames = sample.frames().flatten();
  EXPECT_EQ(frames.size(0), 65536);
  EXPECT_EQ(std::get<0>(at::_unique(frames)).size(0), 65536) << "each at most once";
  // The mean of n of N draws deviates by N / sqrt(12 n) times sqrt(1 - n / N) = 185: five deviations.
  EXPECT_NEAR(frames.to(torch::kFloat64).mean().item<double>(), 99999.5, 925);
}

TEST(CenetCodebook, RowsOfNothingGetExactlyNoGradient) {
  Cenet model(codebook_config(), tiny_shape(), tiny_text());
  const auto batch = tiny_batch();
  model.begin_training(facts_of(batch));
  model.train();
  const WordTags tags{torch::randint(0, 3, {3, 6}), torch::randint(0, 5, {3, 6}), torch::randint(0, 6, {3, 6})};
  model.loss(model.forward(batch, tags, nullptr), batch).total.backward();
  const auto parameters = model.named_parameters();
  for (const auto& [name, row] :
       {std::pair("embeddings.word_embeddings", 0), std::pair("embeddings.senti_embeddings", 2),
        std::pair("embeddings.pos_tag_embeddings", 4), std::pair("embeddings.polarity_embeddings", 5),
        std::pair("encoder.CE.visual_embedding", 4), std::pair("encoder.CE.acoustic_embedding", 4)}) {
    const auto gradient = parameters[std::string("roberta.") + name + ".weight"].grad();
    ASSERT_TRUE(gradient.defined()) << name;
    EXPECT_EQ(gradient[row].abs().max().item<float>(), 0) << name;
    EXPECT_GT(gradient.abs().max().item<float>(), 0) << name;
  }
}

TEST(CenetCodebook, ClustersAreSavedWithTheModel) {
  const auto batch = tiny_batch();
  auto first = std::make_shared<Cenet>(codebook_config(), tiny_shape(), tiny_text());
  first->begin_training(facts_of(batch));
  const auto path = test::scratch("state.safetensors");
  io::write_safetensors(path, state_of(*first));
  auto second = std::make_shared<Cenet>(codebook_config(), tiny_shape(), tiny_text());
  load_state(*second, io::read_safetensors(path));
  first->eval();
  second->eval();
  EXPECT_TRUE(torch::equal(first->forward(batch, nullptr).score, second->forward(batch, nullptr).score));
  EXPECT_EQ(first->notes().size(), 1U) << "what the data do not tell";
}

TEST(CenetCodebook, SoundMeansNoPaddedFrameNoRandomRowAndPositionsFromZero) {
  torch::manual_seed(3);
  auto config = codebook_config();
  config.reference_quirks = false;
  auto text = tiny_text();
  text.bert.max_position_embeddings = tiny_shape().length.text;  // from 2 they would not fit
  Cenet model(config, tiny_shape(), text);
  auto batch = tiny_batch();
  model.begin_training(facts_of(batch));
  {
    const torch::NoGradGuard no_grad;  // larger weights, so that frames matter
    for (auto& parameter : model.parameters()) parameter.mul_(5);
  }
  model.eval();
  const auto before = model.forward(batch, nullptr).score;
  const auto cut = [](Sequence& sequence, std::int64_t length) {
    sequence.values = sequence.values.slice(1, 0, length);
    sequence.padding = sequence.padding.slice(1, 0, length);
  };
  cut(batch.vision, 6);  // the longest clip's lengths: only padding goes
  cut(batch.audio, 5);
  EXPECT_TRUE(torch::allclose(model.forward(batch, nullptr).score, before));
  for (const char* name : {"embeddings.polarity_embeddings", "encoder.CE.visual_embedding"})
    EXPECT_EQ(model.named_parameters()[std::string("roberta.") + name + ".weight"][-1].abs().max().item<float>(), 0);
  EXPECT_THROW((void)Cenet(codebook_config(), tiny_shape(), text).forward(batch, nullptr), ShapeError);
}

TEST(Cenet, OwnLabelsTeachHeadsOfTheModalitiesAndChangeNoOtherStart) {
  auto config = CenetConfig();
  torch::manual_seed(2);
  Cenet published(config, tiny_shape(), tiny_text());
  config.own_labels = 0.5;
  torch::manual_seed(2);
  Cenet taught(config, tiny_shape(), tiny_text());
  EXPECT_EQ(taught.named_parameters().size(), published.named_parameters().size() + 6);  // 3 heads of 2
  auto batch = tiny_batch();
  published.eval();
  taught.eval();
  const auto output = taught.forward(batch, nullptr);
  EXPECT_TRUE(torch::equal(published.forward(batch, nullptr).score, output.score));
  EXPECT_EQ(taught.loss(output, batch).terms.size(), 1U) << "epochs are compared by the task";
  batch.unimodal_labels.vision = torch::ones({3});
  taught.train();
  taught.loss(taught.forward(batch, nullptr), batch).total.backward();
  const auto parameters = taught.named_parameters();
  EXPECT_GT(parameters["own.vision.weight"].grad().abs().max().item<float>(), 0);
  EXPECT_FALSE(parameters["own.text.weight"].grad().defined()) << "no clip has a label of its text";
}

}  // namespace
}  // namespace kuda::cenet
