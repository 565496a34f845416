#include "kuda/explain/explain.h"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "kuda/data/removal.h"

namespace kuda {
namespace {

using torch::Tensor;

Sequence frames(std::int64_t clips, std::int64_t length) {
  Sequence sequence;
  sequence.values = torch::ones({clips, length, 1});
  sequence.padding = torch::zeros({clips, length}, torch::kBool);
  sequence.lengths = torch::full({clips}, length, torch::kInt64);
  sequence.missing = torch::zeros({clips}, torch::kBool);
  return sequence;
}

/// Two clips; [CLS] 5 6 [SEP] and [CLS] 7 [SEP] padding, three frames each.
Batch two_clips() {
  Batch batch;
  batch.ids = {"a", "b"};
  batch.rows = {0, 1};
  batch.text_ids = torch::tensor({101, 5, 6, 102, 101, 7, 102, 0}, torch::kInt64).view({2, 4});
  batch.text_segments = torch::zeros_like(batch.text_ids);
  batch.text_padding = batch.text_ids == 0;
  batch.vision = frames(2, 3);
  batch.audio = frames(2, 3);
  batch.label = torch::tensor({1.0F, -1.0F});
  return batch;
}

/// score = 2 * (word pieces that are no specials) + 1 * (vision frames) - 0.5 * (audio frames): what is removed shows.
class CountingModel final : public Model {
 public:
  Output forward(const Batch& batch, Trace* trace) override {
    Output output;
    const auto count = [](const Sequence& s) { return s.values.sum({1, 2}); };
    const auto words = batch.text_padding.logical_not().sum(1).to(torch::kFloat32) - 2;
    output.score = 2 * words + count(batch.vision) - 0.5 * count(batch.audio);
    output.unimodal.text = 2 * words;
    output.unimodal.vision = count(batch.vision);
    if (trace == nullptr) return output;
    const auto size = batch.size();
    trace->keep("of text", torch::full({size, 4, 2}, 3.0));
    trace->keep("of vision", torch::full({size, 4, 2}, 1.0));
    trace->keep("to text", torch::full({size, 2, 4, 4}, 0.25));
    ++traced_passes;
    return output;
  }
  Losses loss(const Output& output, const Batch&) override { return {output.score.sum(), {}}; }
  /// The names are its own; of audio it shows nothing.
  [[nodiscard]] std::vector<FusionBlockTrace> fusion_blocks() const override {
    if (!has_blocks) return {};
    return {{{"of text", "of vision", "of audio"}, {"to text", "to vision", "to audio"}}};
  }
  bool has_blocks = true;
  int traced_passes = 0;
};

TEST(Without, LeavesWhatEveryModelTakesForAMissingModality) {
  const auto batch = two_clips();
  const auto no_text = without(batch, Modality::text);
  EXPECT_TRUE(
      torch::equal(no_text.text_ids, torch::tensor({101, 102, 0, 0, 101, 102, 0, 0}, torch::kInt64).view({2, 4})));
  EXPECT_TRUE(torch::equal(no_text.text_padding, no_text.text_ids == 0));
  EXPECT_TRUE(torch::equal(no_text.vision.values, batch.vision.values));
  const auto no_vision = without(batch, Modality::vision);
  EXPECT_EQ(no_vision.vision.values.abs().sum().item<float>(), 0);
  EXPECT_TRUE(no_vision.vision.missing.all().item<bool>());
  EXPECT_EQ(no_vision.vision.padding.logical_not().sum().item<std::int64_t>(), 2);
  EXPECT_EQ(batch.text_ids[0][1].item<std::int64_t>(), 5) << "the batch itself stays";
}

std::vector<Explanation> explained() {
  CountingModel model;
  const auto collate = [](const std::vector<std::int64_t>& rows) {
    auto batch = two_clips();
    EXPECT_EQ(rows.size(), 2U);
    return batch;
  };
  return explain_rows(model, collate, {0, 1}, {}, /*with_attention=*/true);
}

TEST(Explain, RemovalSharesAndDecodersNameTheirModality) {
  const auto clips = explained();
  ASSERT_EQ(clips.size(), 2U);
  EXPECT_FLOAT_EQ(clips[0].score, 4 + 3 - 1.5F);
  EXPECT_DOUBLE_EQ(clips[0].change(Modality::text), -4);
  EXPECT_DOUBLE_EQ(clips[0].change(Modality::vision), -3);
  EXPECT_DOUBLE_EQ(clips[0].change(Modality::audio), 1.5);
  EXPECT_EQ(clips[0].leading(Evidence::removal), Modality::text);
  EXPECT_EQ(clips[1].leading(Evidence::removal), Modality::vision);
  EXPECT_EQ(clips[0].leading(Evidence::unimodal), Modality::text) << "4 is nearer to 5.5 than 3";
  EXPECT_NEAR(clips[0].share.text, 0.75, 1e-6);  // float32 norms
  EXPECT_TRUE(std::isnan(clips[0].share.audio));
  EXPECT_EQ(clips[0].leading(Evidence::share), Modality::text);
}

TEST(Explain, AReadyBatchIsExplainedAsItsRowsAre) {
  CountingModel model;
  const auto rows = explained(), batch = explain_batch(model, two_clips(), {}, /*with_attention=*/true);
  ASSERT_EQ(batch.size(), 2U);
  EXPECT_EQ(explanations_json(batch, summarise(batch)), explanations_json(rows, summarise(rows)));
}

TEST(Explain, AModelWithoutBlocksIsNotTraced) {
  CountingModel model;
  (void)explain_batch(model, two_clips());
  EXPECT_EQ(model.traced_passes, 1);
  model.has_blocks = false;
  const auto clips = explain_batch(model, two_clips(), {}, /*with_attention=*/true);
  EXPECT_EQ(model.traced_passes, 1) << "there is nothing to read from a trace";
  EXPECT_TRUE(clips[0].block_shares.empty());
  EXPECT_FALSE(clips[0].attention.text.has_value());
  EXPECT_DOUBLE_EQ(clips[0].change(Modality::text), -4) << "removal needs no trace";
}

TEST(Explain, AttentionMapsCoverTheRealRows) {
  const auto clips = explained();
  ASSERT_TRUE(clips[1].attention.text.has_value());
  EXPECT_EQ(clips[1].attention.text->rows, 3) << "the fourth word piece is padding";
  EXPECT_EQ(clips[1].attention.text->columns, 4);
  EXPECT_NEAR(clips[1].attention.text->entropy, std::log(4.0), 1e-6);
  EXPECT_FALSE(clips[1].attention.vision.has_value());
}

TEST(Explain, FaithfulnessComparesTheNamedWithTheOthers) {
  const auto clips = explained();
  const auto summary = summarise(clips, {Modality::text, Modality::text});
  const auto& removal = summary.faithfulness[2];
  EXPECT_EQ(removal.n, 2U);
  EXPECT_DOUBLE_EQ(removal.more, 1) << "by definition";
  EXPECT_DOUBLE_EQ(removal.names_truth, 0.5);
  EXPECT_DOUBLE_EQ(removal.names_truth_by_chance, 0.5) << "text is always dominant, and named in half of the clips";
  const auto& share = summary.faithfulness[1];  // always text: right against both others in clip 0, one in clip 1
  EXPECT_DOUBLE_EQ(share.more, 0.75);
  EXPECT_DOUBLE_EQ(share.named, (4.0 + 2.0) / 2);
  EXPECT_DOUBLE_EQ(share.others, ((3 + 1.5) / 2 + (3 + 1.5) / 2) / 2);
  EXPECT_DOUBLE_EQ(share.names_truth, 1);
  EXPECT_DOUBLE_EQ(share.names_truth_by_chance, 1) << "always right, and no skill: text is always dominant";
  const auto kept = nlohmann::json::parse(summary_json(summary, Split::test, "f"));
  EXPECT_EQ(kept["clips"], 2);
  EXPECT_EQ(kept["split"], "test");
  EXPECT_EQ(kept["summary"]["removal"]["names_truth"], 0.5);
  EXPECT_EQ(kept["summary"]["share"]["names_truth_by_chance"], 1.0);
  const auto json = nlohmann::json::parse(explanations_json(clips, summary));
  EXPECT_EQ(json["clips"][0]["leading"]["removal"], "text");
  EXPECT_EQ(json["summary"]["share"]["leading"]["text"], 2);
  EXPECT_TRUE(json["clips"][0]["unimodal"]["audio"].is_null());
}

TEST(Explain, NothingLeadsWhereNoRemovalChangesTheScore) {
  Explanation clip, other;
  clip.score = other.score = 0.5F;
  clip.without = {0.5, 0.5, kUndefined};
  other.without = {0.5, 0.25, kUndefined};
  EXPECT_FALSE(clip.leading(Evidence::removal).has_value());
  EXPECT_EQ(other.leading(Evidence::removal), Modality::vision);
  EXPECT_EQ(unread({clip, other}), std::vector<Modality>{Modality::text}) << "audio is not in use, vision matters once";
  EXPECT_EQ(unread({clip}), (std::vector<Modality>{Modality::text, Modality::vision}));
}

TEST(Explain, PredictedRatiosNameTheirModalityAndPartsAddUp) {
  Explanation clip;
  clip.score = 0.5F;
  EXPECT_FALSE(clip.leading(Evidence::ratio).has_value());
  EXPECT_EQ(explanation_table({clip}).find("ratio T"), std::string::npos) << "no column of a model without";
  const auto before = nlohmann::json::parse(explanations_json({clip}, summarise({clip})));
  EXPECT_FALSE(before["clips"][0].contains("ratio") || before["clips"][0].contains("parts"));
  clip.ratio = {0.25F, 0.75F, kUnknown};
  clip.parts = {0.125F, 0.625F, kUnknown};
  clip.correction = -0.25F;
  clip.without = {0.25, 0, kUndefined};
  EXPECT_EQ(clip.leading(Evidence::ratio), Modality::vision);
  EXPECT_NE(explanation_table({clip}).find("ratio T"), std::string::npos);
  const auto summary = summarise({clip}, {Modality::text});
  EXPECT_EQ(summary.faithfulness[3].more, 1) << "without vision the score moves by 0.5, without text by 0.25";
  EXPECT_EQ(summary.faithfulness[3].names_truth, 0);
  const auto json = nlohmann::json::parse(explanations_json({clip}, summary));
  EXPECT_EQ(json["clips"][0]["leading"]["ratio"], "vision");
  EXPECT_EQ(json["clips"][0]["ratio"]["vision"], 0.75);
  EXPECT_EQ(json["clips"][0]["parts"]["correction"], -0.25);
  EXPECT_EQ(json["summary"]["ratio"]["leading"]["vision"], 1);
  clip.ratio = {0, 0, kUnknown};
  EXPECT_FALSE(clip.leading(Evidence::ratio).has_value()) << "it lacks both";
  EXPECT_EQ(nlohmann::json::parse(explanations_json({clip}, summary))["clips"][0]["ratio"]["text"], 0);
}

}  // namespace
}  // namespace kuda
