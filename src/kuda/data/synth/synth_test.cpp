// Whole synthetic data sets: sizes, repeatability, truth, oracle scores.

#include "kuda/data/synth/synth.h"

#include <gtest/gtest.h>

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <sstream>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/base/test_support.h"
#include "kuda/data/sources/fingerprint.h"
#include "kuda/data/sources/prepared.h"

namespace kuda {
namespace {

SynthOptions small(std::string like, std::int64_t seed = 1111) {
  SynthOptions options;
  options.like = std::move(like);
  options.seed = seed;
  options.train = 60;
  options.valid = 20;
  options.test = 30;
  return options;
}

const SynthSet& default_set() {
  static const SynthSet set = synthesize({});
  return set;
}

TEST(Synth, SameSeedGivesTheSameBytes) {
  const Dataset first = make_synthetic(small("mosi")), second = make_synthetic(small("mosi"));
  EXPECT_EQ(first.fingerprint, second.fingerprint);  // SHA-256 of ids, splits, texts, labels and features
  EXPECT_EQ(first.features_digest, features_digest(second));
  EXPECT_EQ(first.fingerprint, fingerprint_of(second));
}

TEST(Synth, AnotherSeedGivesOtherClips) {
  const Dataset first = make_synthetic(small("")), second = make_synthetic(small("", 1112));
  EXPECT_NE(first.fingerprint, second.fingerprint);
  EXPECT_NE(first.features_digest, second.features_digest);
  EXPECT_NE(first.clips[0].text, second.clips[0].text);
}

TEST(Synth, MoreClipsLeaveTheFirstOnesAlone) {
  SynthOptions more = small("");
  more.test += 7;
  const Dataset few = make_synthetic(small("")), many = make_synthetic(more);
  for (std::size_t i = 0; i < few.clips.size(); ++i) EXPECT_EQ(few.clips[i].text, many.clips[i].text);
  EXPECT_TRUE(torch::equal(few.audio->values, many.audio->values.slice(0, 0, few.audio->values.size(0))));
}

TEST(Synth, DefaultSetHasTheDocumentedSizes) {
  const Dataset& data = default_set().dataset;
  EXPECT_EQ(data.rows(Split::train).size(), 500U);
  EXPECT_EQ(data.rows(Split::valid).size(), 120U);
  EXPECT_EQ(data.rows(Split::test).size(), 200U);
  EXPECT_EQ(data.vision->width(), 20);
  EXPECT_EQ(data.audio->width(), 16);
  EXPECT_EQ(data.vision->padded_length, 30);
  EXPECT_EQ(data.audio->padded_length, 40);
  EXPECT_TRUE(data.is_synthetic);
  EXPECT_EQ(data.language, "en");
  EXPECT_FALSE(data.text_features.has_value());
}

TEST(Synth, LikeTakesThePublishedSizes) {
  struct Case {
    const char* like;
    std::array<std::int64_t, 3> clips, lengths;
    std::array<std::int64_t, 2> widths;
    double high;
  };
  for (const Case& c : {Case{"sims", {1368, 456, 457}, {39, 55, 400}, {709, 33}, 1},
                        Case{"simsv2", {2722, 647, 1034}, {50, 232, 925}, {177, 25}, 1},
                        Case{"mosi", {1284, 229, 686}, {50, 500, 375}, {20, 5}, 3},
                        Case{"mosei", {16326, 1871, 4659}, {50, 500, 500}, {35, 74}, 3}}) {
    SynthOptions full;
    full.like = c.like;
    full = full.resolved();
    EXPECT_EQ((std::array{full.train, full.valid, full.test}), c.clips) << c.like;
    EXPECT_EQ((std::array{full.text_length, full.vision_length, full.audio_length}), c.lengths) << c.like;

    const Dataset data = make_synthetic(small(c.like));
    EXPECT_EQ(data.clips.size(), 110U);
    EXPECT_EQ(data.vision->padded_length, c.lengths[1]);
    EXPECT_EQ(data.audio->padded_length, c.lengths[2]);
    EXPECT_EQ(data.vision->width(), c.widths[0]);
    EXPECT_EQ(data.audio->width(), c.widths[1]);
    EXPECT_EQ(data.score_high, c.high);
    EXPECT_EQ(data.score_low, -c.high);
    EXPECT_EQ(data.family, c.high == 3 ? MetricFamily::mosi : MetricFamily::sims);
  }
}

TEST(Synth, LengthsVaryAndFillAboutHalfOfThePadding) {
  SynthOptions options = small("mosi");
  options.train = 800;
  const Dataset data = make_synthetic(options);
  for (const Modality modality : {Modality::vision, Modality::audio}) {
    const Feature& feature = *data.feature(modality);
    ASSERT_EQ(feature.lengths.size(), data.clips.size());
    ASSERT_EQ(feature.offsets.back(), feature.values.size(0));
    double sum = 0;
    std::set<std::int64_t> different;
    for (std::size_t i = 0; i < feature.lengths.size(); ++i) {
      EXPECT_EQ(feature.offsets[i + 1] - feature.offsets[i], feature.lengths[i]);
      EXPECT_LE(feature.lengths[i], feature.padded_length);
      EXPECT_GE(feature.lengths[i], 4);
      sum += double(feature.lengths[i]);
      different.insert(feature.lengths[i]);
    }
    EXPECT_NEAR(sum / double(data.clips.size()) / double(feature.padded_length), 0.5, 0.05);
    EXPECT_GT(different.size(), 100U);
  }
  double pieces = 0;
  for (const Clip& clip : data.clips) {
    const auto& text = clip.text;
    const auto count = 3 + std::count(text.begin(), text.end(), ' ') + std::count(text.begin(), text.end(), ',') + 1;
    EXPECT_LE(count, 50);
    pieces += double(count);
  }
  EXPECT_NEAR(pieces / double(data.clips.size()), 16, 1);  // specials included; MOSI's texts have about 15
}

TEST(Synth, LengthsTellNothingAboutScoreAndTrust) {
  SynthOptions options;
  options.train = 3000;
  const SynthSet set = synthesize(options);
  const std::size_t n = set.truth.size();
  const auto correlation = [&](auto&& x, auto&& y) {
    double sx = 0, sy = 0, sxy = 0, sxx = 0, syy = 0;
    for (std::size_t i = 0; i < n; ++i) {
      const double a = x(i), b = y(i);
      sx += a, sy += b, sxy += a * b, sxx += a * a, syy += b * b;
    }
    const double count = double(n);
    return (sxy - sx * sy / count) / std::sqrt((sxx - sx * sx / count) * (syy - sy * sy / count));
  };
  const auto text = [&](std::size_t i) {
    const auto& t = set.dataset.clips[i].text;
    return double(std::count(t.begin(), t.end(), ' '));
  };
  const auto vision = [&](std::size_t i) { return double(set.dataset.vision->lengths[i]); };
  const auto label = [&](std::size_t i) { return double(set.dataset.clips[i].label); };
  const auto strength = [&](std::size_t i) { return std::abs(double(set.dataset.clips[i].label)); };
  const auto leads = [&](Modality m) { return [&, m](std::size_t i) { return double(set.truth[i].dominant == m); }; };
  const auto noisy = [&](Modality m) { return [&, m](std::size_t i) { return double(set.truth[i].noise == m); }; };
  const double limit = 4 / std::sqrt(double(n));
  EXPECT_LT(std::abs(correlation(text, label)), limit);
  EXPECT_LT(std::abs(correlation(text, strength)), limit);
  EXPECT_LT(std::abs(correlation(text, leads(Modality::text))), limit);
  EXPECT_LT(std::abs(correlation(text, noisy(Modality::text))), limit);
  EXPECT_LT(std::abs(correlation(vision, label)), limit);
  EXPECT_LT(std::abs(correlation(vision, strength)), limit);
  EXPECT_LT(std::abs(correlation(vision, leads(Modality::vision))), limit);
  EXPECT_LT(std::abs(correlation(vision, noisy(Modality::vision))), limit);
}

TEST(Synth, FeaturesAreFiniteAndIdsAndTextsUnique) {
  const Dataset& data = default_set().dataset;
  EXPECT_TRUE(torch::isfinite(data.vision->values).all().item<bool>());
  EXPECT_TRUE(torch::isfinite(data.audio->values).all().item<bool>());
  std::set<std::string> ids, texts;
  std::map<std::string, std::set<Split>> splits_of_video;
  for (const Clip& clip : data.clips) {
    ids.insert(clip.id());
    texts.insert(clip.text);
    splits_of_video[clip.video_id].insert(clip.split);
  }
  EXPECT_EQ(ids.size(), data.clips.size());
  EXPECT_EQ(texts.size(), data.clips.size());
  for (const auto& [video, splits] : splits_of_video) EXPECT_EQ(splits.size(), 1U) << video;
}

TEST(Synth, TextsVary) {
  std::map<std::string, int> openings;
  std::set<std::string> words;
  for (const Clip& clip : default_set().dataset.clips) {
    std::istringstream text(clip.text);
    std::string word, opening;
    for (int i = 0; text >> word; ++i) {
      words.insert(word);
      if (i < 3) opening += word + ' ';
    }
    ++openings[opening];
  }
  EXPECT_GT(words.size(), 400U);
  EXPECT_GT(openings.size(), 400U);
  for (const auto& [opening, count] : openings) EXPECT_LT(count, 25) << opening;  // 3 % of 820
}

TEST(Synth, PreparedFolderKeepsTheSetAndItsTruth) {
  const auto folder = test::scratch_folder("set");
  const SynthSet set = synthesize(small("sims"));
  for (int round = 0; round < 2; ++round) {  // the second time over the first
    write_prepared(folder / "made", set.dataset);
    write_truth_csv(folder / "made", set.dataset, set.truth);
  }
  const Dataset read = open_dataset(folder / "made");
  EXPECT_TRUE(read.is_synthetic);
  EXPECT_EQ(read.name, "synthetic_sims");
  EXPECT_EQ(read.fingerprint, set.dataset.fingerprint);
  EXPECT_TRUE(torch::equal(read.audio->values, set.dataset.audio->values));
  const OracleScores scores = oracle_scores(read, read_truth_csv(folder / "made", read), Split::test);
  EXPECT_EQ(scores.bayes_mae, oracle_scores(set.dataset, set.truth, Split::test).bayes_mae);
}

TEST(Synth, EveryLabelIsKnownAndOnTheGrid) {
  for (const char* like : {"sims", "mosi"}) {
    const Dataset data = make_synthetic(small(like));
    for (const Modality modality : kModalities) EXPECT_TRUE(data.has_unimodal_labels(modality));
    for (const Clip& clip : data.clips)
      for (const float value :
           {clip.label, clip.unimodal_labels.text, clip.unimodal_labels.vision, clip.unimodal_labels.audio}) {
        EXPECT_LE(std::abs(value), data.score_high);
        EXPECT_EQ(value, std::round(value * 5) / 5.0F);
      }
  }
}

TEST(Synth, TruthNamesTheModalityWhoseLabelIsNearest) {
  const SynthSet& set = default_set();
  for (std::size_t i = 0; i < set.truth.size(); ++i) {
    const Clip& clip = set.dataset.clips[i];
    const SynthTruth& truth = set.truth[i];
    const auto tenths = [](float value) { return std::lround(value * 10); };  // labels are steps of 0.2: exact
    const auto distance = [&](Modality m) { return std::abs(tenths(clip.unimodal_labels[m]) - tenths(clip.label)); };
    for (const Modality modality : kModalities) EXPECT_LE(distance(truth.dominant), distance(modality));
    EXPECT_NE(truth.noise, std::optional(truth.dominant));
    if (truth.conflict) {
      EXPECT_LT(clip.unimodal_labels[*truth.conflict] * clip.unimodal_labels[truth.dominant], 0);
    }
  }
}

TEST(Synth, OracleMeetsTheBoundAndTheDecoderComesNear) {
  SynthOptions options;
  options.test = 4000;
  const SynthSet set = synthesize(options);
  const OracleScores scores = oracle_scores(set.dataset, set.truth, Split::test);
  EXPECT_EQ(scores.n, 4000U);
  // Errors of the oracle have a deviation of about 0.11 (they are 0 or 0.2, rarely more).
  EXPECT_NEAR(scores.bayes_mae, scores.bound, 4 * 0.11 / std::sqrt(4000));
  EXPECT_NEAR(scores.bound, bayes_mae(options), 4 * 0.02 / std::sqrt(4000));  // bayes_error deviates by about 0.014
  EXPECT_GT(scores.decoder_mae, scores.bayes_mae);
  // The decoder sees the inputs only and still beats every predictor that does not know whom to trust.
  EXPECT_LT(scores.decoder_mae, 0.75 * synth_bounds(options).blind);
}

TEST(Synth, TruthFileReadsBackExactly) {
  const auto folder = test::scratch_folder("set");
  const SynthSet set = synthesize(small("mosi"));
  write_truth_csv(folder, set.dataset, set.truth);
  const auto truth = read_truth_csv(folder, set.dataset);
  ASSERT_EQ(truth.size(), set.truth.size());
  for (std::size_t i = 0; i < truth.size(); ++i) {
    EXPECT_EQ(truth[i].dominant, set.truth[i].dominant);
    EXPECT_EQ(truth[i].noise, set.truth[i].noise);
    EXPECT_EQ(truth[i].conflict, set.truth[i].conflict);
    EXPECT_EQ(truth[i].expected, set.truth[i].expected);
    EXPECT_EQ(truth[i].bayes_prediction, set.truth[i].bayes_prediction);
    EXPECT_EQ(truth[i].bayes_error, set.truth[i].bayes_error);
    EXPECT_EQ(truth[i].decoder_prediction, set.truth[i].decoder_prediction);
  }
}

TEST(Synth, TruthIsFoundBesideAnOpenedSet) {
  const auto folder = test::scratch_folder("set");
  const SynthSet set = synthesize(small(""));
  write_prepared(folder / "made", set.dataset);
  EXPECT_TRUE(truth_beside(read_prepared(folder / "made")).empty()) << "no truth.csv";
  write_truth_csv(folder / "made", set.dataset, set.truth);
  EXPECT_EQ(truth_beside(read_prepared(folder / "made")).size(), set.truth.size());
  auto recorded = read_prepared(folder / "made");
  recorded.is_synthetic = false;
  EXPECT_TRUE(truth_beside(recorded).empty());
}

TEST(Synth, SharesOfTheTruthAreThoseOfTheRule) {
  SynthOptions options = small("");
  options.test = 4000;
  options.dominance = TruthCarrier::text;
  options.noise = 0.2;
  options.conflict = 0;
  const SynthSet set = synthesize(options);
  const TruthShares shares = truth_shares(set.dataset, set.truth, Split::test);
  const double deviation = 4 * 0.5 / std::sqrt(4000);  // four times that of a share, at most
  EXPECT_NEAR(shares.dominant.text, 0.6, deviation);
  EXPECT_NEAR(shares.dominant.text + shares.dominant.vision + shares.dominant.audio, 1, 1e-9);
  EXPECT_NEAR(shares.noise, 0.2, deviation);
  EXPECT_EQ(shares.conflict, 0);
}

TEST(Synth, TruthFileOfAnotherSetIsRefused) {
  const auto folder = test::scratch_folder("set");
  const SynthSet set = synthesize(small(""));
  write_truth_csv(folder, set.dataset, set.truth);
  SynthOptions more = small("");
  more.test += 40;
  EXPECT_THROW(static_cast<void>(read_truth_csv(folder, make_synthetic(more))), DataError);
  std::string csv = read_file(folder / "truth.csv");
  csv.replace(csv.find("train,"), 6, "train,x");
  write_file(folder / "truth.csv", csv);
  EXPECT_THROW(static_cast<void>(read_truth_csv(folder, set.dataset)), DataError);
  EXPECT_THROW(write_truth_csv(folder, set.dataset, {}), DataError);
}

TEST(Synth, BadOptionsAreNamed) {
  const auto message = [](auto&& change) -> std::string {
    SynthOptions options;
    change(options);
    try {
      static_cast<void>(options.resolved());
    } catch (const ConfigError& error) {
      return error.what();
    }
    return "no error";
  };
  const auto expect_key = [](const std::string& text, const std::string& key) {
    EXPECT_NE(text.find(key), std::string::npos) << text;
  };
  expect_key(message([](SynthOptions& o) { o.like = "mossi"; }), "'mosi'");
  expect_key(message([](SynthOptions& o) { o.noise = 0.9; }), "synth.noise");
  expect_key(message([](SynthOptions& o) { o.conflict = -0.1; }), "synth.conflict");
  expect_key(message([](SynthOptions& o) { o.label_noise = 0; }), "synth.label_noise");
  expect_key(message([](SynthOptions& o) { o.audio_width = 3; }), "synth.audio_width");
  expect_key(message([](SynthOptions& o) { o.text_length = 5; }), "synth.text_length");
  expect_key(message([](SynthOptions& o) { o.train = -1; }), "synth.train");
  EXPECT_NE(message([](SynthOptions& o) { o.family = "mos"; }), "no error");
}

TEST(Synth, EveryOptionIsAField) {
  SynthOptions options;
  Fields fields;
  options.describe(fields);
  std::set<std::string> names;
  for (const Field& field : fields.list()) names.insert(field.name);
  EXPECT_EQ(names, (std::set<std::string>{"like", "seed", "train", "valid", "test", "text_length", "vision_length",
                                          "audio_length", "vision_width", "audio_width", "family", "dominance", "noise",
                                          "conflict", "label_noise"}));
}

}  // namespace
}  // namespace kuda
