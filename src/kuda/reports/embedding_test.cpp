#include "kuda/reports/embedding.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "kuda/base/test_support.h"
#include "kuda/io/csv.h"
#include "kuda/io/safetensors.h"
#include "kuda/tensor/tensor.h"
#include "kuda/training/test_toy_model.h"

namespace kuda {
namespace {

using test::error_of;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

/// Traces the mean of a clip's frames and twice that.
class TracingModel final : public Model {
 public:
  Output forward(const Batch& batch, Trace* trace) override {
    EXPECT_FALSE(is_training());
    ++passes;
    const auto mean = batch.audio.values.mean(1);
    if (trace != nullptr && is_traced) {
      trace->keep("mean/A", mean);
      trace->keep("both", torch::cat({mean, mean}, 1));
    }
    Output output;
    output.score = mean.sum(1);
    return output;
  }
  Losses loss(const Output& output, const Batch&) override { return {output.score.sum(), {}}; }
  bool is_traced = true;
  int passes = 0;
};

ModelInfo tracing_info() {
  ModelInfo info;
  info.name = "tracing";
  info.features = {{"text", "mean/T"}, {"audio", "mean/A"}, {"fused", "both"}};
  return info;
}

ClipFeatures toy_features() {
  TracingModel model;
  return collect_features(model, tracing_info(), test::toy_batch, test::range(0, test::kClips), {.batch_size = 5});
}

TEST(ClipFeatures, AreOneVectorPerClipInTheOrderOfTheRowsAndOnlyOfModalitiesInUse) {
  const auto features = toy_features();
  ASSERT_EQ(features.panels.size(), 2U);
  EXPECT_EQ(features.panels[0].name, "audio");
  EXPECT_EQ(features.panels[1].name, "fused");
  const auto whole = test::toy_batch(test::range(0, test::kClips)).audio.values.mean(1);
  EXPECT_TRUE(torch::allclose(features.panels[0].values, whole, 0, 1e-6));  // other batches, other sums
  EXPECT_EQ(features.panels[1].values.size(1), 2 * test::kWidth);
  EXPECT_EQ(features.clips.back().id, "clip_21");
}

TEST(ClipFeatures, TakeOnePassABatch) {
  TracingModel model;
  (void)collect_features(model, tracing_info(), test::toy_batch, test::range(0, 10), {.batch_size = 5});
  EXPECT_EQ(model.passes, 2);
}

TEST(ClipFeatures, AModelThatNamesOrTracesNothingIsRefused) {
  TracingModel model;
  const auto collect = [&](const ModelInfo& info) { (void)collect_features(model, info, test::toy_batch, {0, 1}, {}); };
  ModelInfo bare;
  bare.name = "bare";
  EXPECT_THAT(error_of<ConfigError>([&] { collect(bare); }), HasSubstr("bare"));
  model.is_traced = false;
  EXPECT_THAT(error_of<CheckpointError>([&] { collect(tracing_info()); }),
              AllOf(HasSubstr("mean/T, mean/A, both"), HasSubstr("pretraining")));
}

TEST(ClipFeatures, NonFiniteOnesNameTheClips) {
  class BrokenModel final : public Model {
   public:
    Output forward(const Batch& batch, Trace* trace) override {
      auto mean = batch.audio.values.mean(1);
      Output output;
      output.score = mean.sum(1);
      mean[1][2] = std::numeric_limits<float>::infinity();
      if (trace != nullptr) trace->keep("both", mean);
      return output;
    }
    Losses loss(const Output& output, const Batch&) override { return {output.score.sum(), {}}; }
  } model;
  EXPECT_THAT(error_of<DataError>([&] {
                (void)collect_features(model, tracing_info(), test::toy_batch, {3, 4}, {});
              }),
              AllOf(HasSubstr("fused"), HasSubstr("clip_4"), Not(HasSubstr("clip_3"))));
}

TEST(ClipFeatures, WrittenOnesHoldIdsAndLabelsInTheSameOrder) {
  auto features = toy_features();
  features.clips[2].label = kUnknown;
  const auto path = test::scratch("features.safetensors");
  write_features(path, features, {{"model", "tracing"}});
  const auto file = io::read_safetensors(path);
  EXPECT_TRUE(torch::equal(io::to_tensor(file.at("fused")), features.panels[1].values));
  const auto label = io::to_tensor(file.at("label"));
  EXPECT_EQ(label[3].item<float>(), features.clips[3].label);
  EXPECT_TRUE(std::isnan(label[2].item<float>()));
  const auto ids = nlohmann::json::parse(file.metadata.at("ids"));
  EXPECT_EQ(ids.size(), features.clips.size());
  EXPECT_EQ(ids[3], "clip_3");
  EXPECT_EQ(file.metadata.at("model"), "tracing");
}

TEST(Embedding, IsATableALinePerPanelAndClipAndAPicture) {
  auto features = toy_features();
  features.clips[2].label = kUnknown;
  features.clips[4].id = "it's, `date`";
  std::vector<std::string> begun;
  EmbedOptions options{.perplexity = 5, .iterations = 260};
  options.each_iteration = [&](const std::string& panel, std::int64_t done, std::int64_t iterations) {
    EXPECT_EQ(iterations, 260);
    if (done == 0) begun.push_back(panel);
  };
  const auto embedding = embed(features, options);
  EXPECT_THAT(begun, ElementsAre("audio", "fused"));
  EXPECT_EQ(embedding.neighbours, 5);
  EXPECT_THAT(embedding_table(embedding), AllOf(HasSubstr("22 clips, perplexity 5"), HasSubstr("fused"),
                                                HasSubstr("12"), HasSubstr("the 5 nearest")));
  const auto csv = io::parse_csv(embedding_csv(embedding), "embedding.csv");
  EXPECT_THAT(csv.header, ElementsAre("id", "label", "panel", "x", "y"));
  ASSERT_EQ(csv.rows.size(), 2U * 22);
  EXPECT_EQ(csv.rows[2][1], "") << "an unknown label";
  EXPECT_EQ(csv.rows[4][0], "it's, `date`");
  EXPECT_EQ(csv.rows[22][2], "fused");
  const auto figure = draw(embedding_figure(embedding, "it's `date`", -1, 1), test::scratch_folder("figure"));
  EXPECT_THAT(figure.svg, AllOf(HasSubstr("it's `date`"), HasSubstr("fused: trustworthiness")));
}

TEST(Embedding, APanelWhoseClipsAreAllTheSameIsLeftOut) {
  auto features = toy_features();
  features.panels[0].values.fill_(3);
  const test::CaughtLog log;
  const auto embedding = embed(features, {.perplexity = 5, .iterations = 10});
  ASSERT_EQ(embedding.panels.size(), 1U);
  EXPECT_EQ(embedding.panels[0].name, "fused");
  EXPECT_THAT(log.text(), HasSubstr("audio: all clips have the same"));
  features.panels[1].values.fill_(3);
  EXPECT_THROW((void)embed(features, {.perplexity = 5}), DataError);
}

}  // namespace
}  // namespace kuda
