// Every checked number of the real CH-SIMS and CH-SIMSv2 labels: counts of classes, dominance and noise.

#include "kuda/data/doctor/stats.h"

#include <gmock/gmock.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "kuda/data/sources/clips_csv.h"
#include "kuda/data/test_data.h"

namespace kuda {
namespace {

std::vector<Clip> table(const std::string& name) {
  const auto path = test::shared_file("data/chsims/" + name);
  return std::filesystem::exists(path) ? read_clips_csv(path, ClipTable::mmsa) : std::vector<Clip>{};
}

/// A row of the checked facts: counts and shares in percent with two decimals.
struct Fact {
  std::optional<Split> split;
  std::int64_t n, text, audio, vision;
  double text_share, audio_share, vision_share, several_share;
  std::int64_t noise;
  double noise_share, zero_positive_share, opposite_share;
};

double percent(const Dominance& d, std::int64_t count) { return std::round(1e4 * d.share(count)) / 100; }

void expect_facts(const std::vector<Clip>& clips, const std::vector<Fact>& facts) {
  for (const Fact& fact : facts) {
    const auto d = label_statistics(clips, fact.split).dominance;
    EXPECT_EQ(d.n, fact.n);
    EXPECT_EQ(d.dominant, (PerModality<std::int64_t>{fact.text, fact.vision, fact.audio}));
    EXPECT_EQ(d.noise, fact.noise);
    EXPECT_DOUBLE_EQ(percent(d, d.dominant.text), fact.text_share);
    EXPECT_DOUBLE_EQ(percent(d, d.dominant.audio), fact.audio_share);
    EXPECT_DOUBLE_EQ(percent(d, d.dominant.vision), fact.vision_share);
    EXPECT_DOUBLE_EQ(percent(d, d.several), fact.several_share);
    EXPECT_DOUBLE_EQ(percent(d, d.noise), fact.noise_share);
    EXPECT_DOUBLE_EQ(percent(d, d.noise_zero_is_positive), fact.zero_positive_share);
    EXPECT_DOUBLE_EQ(percent(d, d.noise_opposite), fact.opposite_share);
  }
}

TEST(Stats, SharesOfChSimsAreTheCheckedOnes) {
  const auto clips = table("label.csv");
  if (clips.empty()) GTEST_SKIP() << "no shared data";
  expect_facts(clips, {{{}, 2281, 1100, 1333, 1384, 48.22, 58.44, 60.68, 51.16, 1156, 50.68, 37.00, 16.92},
                       {Split::train, 1368, 664, 798, 816, 48.54, 58.33, 59.65, 50.00, 699, 51.10, 36.77, 17.11},
                       {Split::valid, 456, 207, 261, 285, 45.39, 57.24, 62.50, 51.10, 239, 52.41, 40.35, 17.98},
                       {Split::test, 457, 229, 274, 283, 50.11, 59.96, 61.93, 54.70, 218, 47.70, 34.35, 15.32}});
}

TEST(Stats, SharesOfChSimsV2AreTheCheckedOnes) {
  const auto clips = table("meta_v2.csv");
  if (clips.empty()) GTEST_SKIP() << "no shared data";
  expect_facts(clips, {{{}, 4403, 2216, 2701, 2644, 50.33, 61.34, 60.05, 53.21, 2038, 46.29, 29.64, 11.49},
                       {Split::train, 2722, 1338, 1632, 1549, 49.16, 59.96, 56.91, 50.92, 1307, 48.02, 30.38, 11.76},
                       {Split::valid, 647, 284, 367, 398, 43.89, 56.72, 61.51, 48.69, 322, 49.77, 35.86, 14.53},
                       {Split::test, 1034, 594, 702, 697, 57.45, 67.89, 67.41, 62.09, 409, 39.56, 23.79, 8.90}});
}

TEST(Stats, WithoutToleranceTiesAreLostAsTheFactsSay) {
  const auto sims = table("label.csv"), simsv2 = table("meta_v2.csv");
  if (sims.empty()) GTEST_SKIP() << "no shared data";
  const auto shares = [](const std::vector<Clip>& clips, Ties ties) {
    const auto d = label_statistics(clips, {}, ties).dominance;
    return std::array{percent(d, d.dominant.text), percent(d, d.dominant.audio),
                      percent(d, d.dominant.vision)};  // T, A, V
  };
  EXPECT_EQ(shares(sims, Ties::exact_float64), (std::array{46.38, 56.64, 58.92}));
  EXPECT_EQ(shares(simsv2, Ties::exact_float64), (std::array{48.54, 59.44, 58.51}));
  EXPECT_EQ(shares(sims, Ties::exact_float32), (std::array{47.26, 56.82, 59.54}));
  EXPECT_EQ(shares(simsv2, Ties::exact_float32), (std::array{49.22, 59.78, 58.78}));
  EXPECT_EQ(label_statistics(sims, {}, Ties::exact_float64).dominance.noise, 1156) << "noise does not depend on ties";
}

TEST(Stats, ClassCountsAreTheCheckedOnes) {
  const auto sims = table("label.csv"), simsv2 = table("meta_v2.csv");
  if (sims.empty()) GTEST_SKIP() << "no shared data";
  const auto classes = [&](Split split) { return label_statistics(sims, split).labels.sims_classes; };
  EXPECT_EQ(classes(Split::train), (std::array<std::int64_t, 5>{452, 290, 207, 208, 211}));
  EXPECT_EQ(classes(Split::valid), (std::array<std::int64_t, 5>{151, 97, 69, 69, 70}));
  EXPECT_EQ(classes(Split::test), (std::array<std::int64_t, 5>{151, 97, 69, 69, 71}));
  const auto signs = [&](Split split) {
    const auto c = label_statistics(simsv2, split).labels;
    return std::array{c.negative, c.zero, c.positive};
  };
  EXPECT_EQ(signs(Split::train), (std::array<std::int64_t, 3>{1310, 318, 1094}));
  EXPECT_EQ(signs(Split::valid), (std::array<std::int64_t, 3>{325, 92, 230}));
  EXPECT_EQ(signs(Split::test), (std::array<std::int64_t, 3>{488, 123, 423}));
}

TEST(Stats, TablesKeepLeadingZerosOfClipNumbers) {
  const auto clips = table("meta_v2.csv");
  if (clips.empty()) GTEST_SKIP() << "no shared data";
  EXPECT_EQ(clips.size(), 4403U);
  const auto odd = std::find_if(clips.begin(), clips.end(), [](const Clip& c) { return c.id() == "test11$_$00006"; });
  ASSERT_NE(odd, clips.end());
  EXPECT_FLOAT_EQ(odd->label, -0.1F);
}

TEST(Stats, CountsTiesAndSigns) {
  std::vector<Clip> clips(3);
  clips[0].label = 0.4F;
  clips[0].unimodal_labels = {0.6F, 0.2F, -1};  // both at 0.2, though not in binary
  clips[1].label = 0;
  clips[1].unimodal_labels = {0.2F, 0, 0};
  clips[2].label = 0.2F;  // one label unknown: not counted
  const auto d = label_statistics(clips).dominance;
  EXPECT_EQ(d.n, 2);
  EXPECT_EQ(d.dominant, (PerModality<std::int64_t>{1, 2, 1}));
  EXPECT_EQ(d.several, 2);
  EXPECT_EQ(d.noise, 2);
  EXPECT_EQ(d.noise_zero_is_positive, 1);
  EXPECT_EQ(d.noise_opposite, 1);
}

TEST(Stats, RendersAsTextAndJson) {
  const Dataset data = test::small_dataset();
  EXPECT_THAT(statistics_text(data.clips), testing::HasSubstr("no clip has all unimodal labels"));
  const auto json = nlohmann::json::parse(statistics_json(data.clips));
  EXPECT_EQ(json["all"]["labels"]["n"], 3);
  EXPECT_EQ(json["test"]["dominance"]["n"], 0);
}

}  // namespace
}  // namespace kuda
