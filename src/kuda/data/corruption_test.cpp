#include "kuda/data/corruption.h"

#include <gmock/gmock.h>

#include "kuda/base/error.h"
#include "kuda/data/removal.h"
#include "kuda/data/test_data.h"

namespace kuda {
namespace {

using test::error_of;
using testing::HasSubstr;

constexpr std::int64_t kBatch = 400, kFrames = 5;

Sequence frames(std::int64_t width) {
  Sequence sequence;
  sequence.values = torch::arange(1, kBatch * kFrames * width + 1).to(torch::kFloat32).view({kBatch, kFrames, width});
  sequence.lengths = torch::full({kBatch}, kFrames, torch::kInt64);
  sequence.lengths[1] = 2;
  sequence.padding = torch::arange(kFrames).unsqueeze(0) >= sequence.lengths.unsqueeze(1);
  sequence.values.masked_fill_(sequence.padding.unsqueeze(2), 0);
  sequence.missing = torch::zeros({kBatch}, torch::kBool);
  return sequence;
}

/// Clips of five frames, the second of two, and texts of six pieces: 2, 11, 12, 13, 14, 3.
Batch made() {
  Batch batch;
  for (std::int64_t i = 0; i < kBatch; ++i) batch.ids.push_back("v$_$" + std::to_string(i));
  batch.text_ids = torch::tensor({2, 11, 12, 13, 14, 3}, torch::kInt64).repeat({kBatch, 1});
  batch.text_segments = torch::zeros_like(batch.text_ids);
  batch.text_padding = torch::zeros({kBatch, 6}, torch::kBool);
  batch.vision = frames(3);
  batch.audio = frames(2);
  return batch;
}

/// The clips in other order.
Batch turned(const Batch& batch) {
  auto result = batch;
  std::reverse(result.ids.begin(), result.ids.end());
  for (auto* tensor : {&result.text_ids, &result.text_padding, &result.vision.values, &result.vision.padding,
                       &result.vision.lengths, &result.vision.missing, &result.audio.values, &result.audio.lengths})
    *tensor = tensor->flip(0);
  return result;
}

std::int64_t count(const torch::Tensor& which) { return which.sum().item<std::int64_t>(); }
torch::Tensor wordless(const Batch& batch) { return batch.text_padding.select(1, 2); }

TEST(Corruption, RateZeroIsTheBatchItself) {
  const auto batch = made();
  for (const auto kind : {CorruptionKind::modality, CorruptionKind::frames, CorruptionKind::noise}) {
    const auto same = corrupted(batch, {.kind = kind, .rate = 0});
    EXPECT_TRUE(same.vision.values.is_same(batch.vision.values));
    EXPECT_TRUE(same.text_ids.is_same(batch.text_ids));
  }
}

TEST(Corruption, EachModalityIsLostAtTheRateAndOneStays) {
  const auto batch = made();
  const auto half = corrupted(batch, {.rate = 0.5});
  // Of 400 fair draws 3.5 standard deviations are 35; one of eight clips keeps one modality that it would have lost.
  const auto no_text = wordless(half), no_vision = half.vision.missing, no_audio = half.audio.missing;
  for (const auto& lost : {no_text, no_vision, no_audio}) EXPECT_NEAR(double(count(lost)), 400 * (0.5 - 1.0 / 24), 35);
  EXPECT_EQ(count(no_text & no_vision & no_audio), 0);
  EXPECT_GT(count(no_text & no_vision), 40);
  const auto all = corrupted(batch, {.rate = 1});
  EXPECT_EQ(count(wordless(all)) + count(all.vision.missing) + count(all.audio.missing), 2 * kBatch);
  for (const auto& lost : {wordless(all), all.vision.missing, all.audio.missing})
    EXPECT_NEAR(double(count(lost)), 400 * 2.0 / 3, 33);
}

TEST(Corruption, WhatIsLostIsWhatRemovalTakes) {
  const auto batch = made();
  const auto lost = corrupted(batch, {.rate = 1, .from = {true, false, false}});
  const auto removed = without(batch, Modality::text);
  EXPECT_TRUE(torch::equal(lost.text_ids, removed.text_ids));
  EXPECT_TRUE(torch::equal(lost.text_padding, removed.text_padding));
  EXPECT_TRUE(torch::equal(lost.vision.values, batch.vision.values));
}

TEST(Corruption, PairsAreLostTogether) {
  const auto lost = corrupted(made(), {.rate = 0.3, .from = {false, true, true}});
  EXPECT_TRUE(torch::equal(lost.vision.missing, lost.audio.missing));
  EXPECT_NEAR(double(count(lost.vision.missing)), 120, 32);
  EXPECT_EQ(count(wordless(lost)), 0);
}

TEST(Corruption, HangsOnTheClipAndTheSeedNotOnTheBatch) {
  const auto batch = made(), other = turned(batch);
  for (const auto kind : {CorruptionKind::modality, CorruptionKind::frames, CorruptionKind::noise}) {
    const Corruption corruption{.kind = kind, .rate = 0.4};
    const auto first = corrupted(batch, corruption), second = corrupted(other, corruption);
    EXPECT_TRUE(torch::equal(first.vision.values, second.vision.values.flip(0)));
    EXPECT_TRUE(torch::equal(first.text_ids, second.text_ids.flip(0)));
    const auto seed = corrupted(batch, {.kind = kind, .rate = 0.4, .seed = 2});
    EXPECT_FALSE(torch::equal(first.vision.values, seed.vision.values));
    EXPECT_FALSE(torch::equal(first.vision.values, corrupted(batch, corruption, 1).vision.values));
  }
}

TEST(Corruption, FramesAndWordsAreLostAtTheRate) {
  const auto batch = made();
  const auto lost = corrupted(batch, {.kind = CorruptionKind::frames, .rate = 0.25, .unknown_id = 7});
  const auto zero = (lost.audio.values == 0).all(2) & ~batch.audio.padding;
  EXPECT_NEAR(double(count(zero)), 0.25 * double(count(~batch.audio.padding)), 68);  // 3.5 deviations
  EXPECT_TRUE(torch::equal(lost.audio.lengths, batch.audio.lengths));
  const auto words = lost.text_ids.slice(1, 1, 5);
  EXPECT_NEAR(double(count(words == 7)), 400, 61);
  EXPECT_TRUE(((words == 7) | (words == batch.text_ids.slice(1, 1, 5))).all().item<bool>());
  EXPECT_TRUE((lost.text_ids.select(1, 0) == 2).all().item<bool>());
  EXPECT_TRUE((lost.text_ids.select(1, 5) == 3).all().item<bool>());
}

TEST(Corruption, NoiseHasTheStrengthOfTheClipsOwnColumns) {
  const auto batch = made();
  const auto noisy = corrupted(batch, {.kind = CorruptionKind::noise, .rate = 0.5});
  EXPECT_TRUE(torch::equal(noisy.text_ids, batch.text_ids));
  const auto difference = noisy.vision.values - batch.vision.values;
  EXPECT_TRUE((difference.masked_select(batch.vision.padding.unsqueeze(2)) == 0).all().item<bool>());
  // Values rise by 3 a frame: five frames have deviation 3 sqrt(2), and noise half of it. 6,000 draws: 3 % is 3.3
  // deviations.
  EXPECT_NEAR(difference.slice(0, 2).std().item<double>(), 1.5 * std::sqrt(2.0), 0.065);
}

TEST(Corruption, ARateOutOfRangeIsRefused) {
  EXPECT_THAT(error_of<ConfigError>([] { (void)corrupted(made(), {.rate = 1.5}); }),
              HasSubstr("missing rate = 1.5: expected 0 to 1"));
  EXPECT_THAT(error_of<ConfigError>([] { (void)corrupted(made(), {.rate = -0.1}); }), HasSubstr("expected 0 to 1"));
  EXPECT_NO_THROW((void)corrupted(made(), {.kind = CorruptionKind::noise, .rate = 3}));
}

}  // namespace
}  // namespace kuda
