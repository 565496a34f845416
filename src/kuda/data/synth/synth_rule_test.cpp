// The hidden state, the label's distribution and the bounds (docs/synthetic.md, equations 1 to 4 and section 4).

#include "kuda/data/synth/synth_rule.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <numeric>

namespace kuda {
namespace {

struct Draw {
  SynthState state;
  int label = 0, best = 0;
};

std::vector<Draw> draws(const SynthOptions& options, int count, std::uint64_t seed = 5) {
  const SynthRule rule(options.resolved());
  Random random(seed);
  std::vector<Draw> out;
  for (int i = 0; i < count; ++i) {
    Draw draw;
    draw.state = rule.draw(random);
    const auto p = rule.label_distribution(draw.state);
    draw.label = rule.draw_label(p, random);
    draw.best = SynthRule::median(p);
    out.push_back(draw);
  }
  return out;
}

double correlation(const std::vector<double>& x, const std::vector<double>& y) {
  const double n = double(x.size());
  const double mx = std::accumulate(x.begin(), x.end(), 0.0) / n, my = std::accumulate(y.begin(), y.end(), 0.0) / n;
  double xy = 0, xx = 0, yy = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    xy += (x[i] - mx) * (y[i] - my);
    xx += (x[i] - mx) * (x[i] - mx);
    yy += (y[i] - my) * (y[i] - my);
  }
  return xy / std::sqrt(xx * yy);
}

SynthOptions with_family(const char* family) {
  SynthOptions options;
  options.family = family;
  return options;
}

TEST(SynthRule, DominantModalityIsNearestToTheLabel) {
  for (const char* family : {"sims", "mosi"})
    for (const Draw& draw : draws(with_family(family), 5000)) {
      const auto& level = draw.state.level;
      const int distance = std::abs(level[draw.state.dominant()] - draw.label);
      for (const int other : level) EXPECT_LE(distance, std::abs(other - draw.label));
    }
}

TEST(SynthRule, SupportingModalitiesAgreeInSignUnlessInConflictAndKeepTheirDistance) {
  for (const Draw& draw : draws({}, 5000)) {
    const int dominant = draw.state.level[draw.state.dominant()] - 5;
    for (const auto m : kModalities) {
      if (draw.state.role[m] != SynthRole::support) continue;
      const int product = (draw.state.level[m] - 5) * dominant;
      EXPECT_GE(std::abs(draw.state.level[m] - 5 - dominant), 2);  // 0.4, the first step of the grid above 0.3
      EXPECT_EQ(product < 0, m == draw.state.conflict);
    }
  }
}

TEST(SynthRule, NoiseModalityIsUnrelatedToTheScore) {
  SynthOptions options;
  options.noise = 0.8;
  std::vector<double> noise, dominant, label;
  int same_sign = 0, signed_pairs = 0;
  for (const Draw& draw : draws(options, 40000)) {
    for (const auto m : kModalities) {
      if (draw.state.role[m] != SynthRole::noise) continue;
      noise.push_back(draw.state.level[m] - 5);
      dominant.push_back(draw.state.level[draw.state.dominant()] - 5);
      label.push_back(draw.label - 5);
      if (noise.back() * dominant.back() == 0) continue;
      ++signed_pairs;
      same_sign += noise.back() * dominant.back() > 0 ? 1 : 0;
    }
  }
  const double n = double(noise.size());
  EXPECT_NEAR(n, 32000, 4 * std::sqrt(40000 * 0.8 * 0.2));
  EXPECT_LT(std::abs(correlation(noise, dominant)), 4 / std::sqrt(n));  // independent by construction
  EXPECT_NEAR(double(same_sign) / signed_pairs, 0.5, 4 * 0.5 / std::sqrt(signed_pairs));
  // The label must stay nearer to the dominant sentiment, which ties it to the noise by a hair (0.009 exactly).
  EXPECT_LT(std::abs(correlation(noise, label)), 0.009 + 4 / std::sqrt(n));
}

TEST(SynthRule, SharesAreTheOnesAskedFor) {
  SynthOptions options;
  options.dominance = TruthCarrier::vision;
  options.noise = 0.3;
  options.conflict = 0.5;
  const int n = 20000;
  int vision = 0, noise = 0, conflict = 0;
  for (const Draw& draw : draws(options, n)) {
    vision += draw.state.dominant() == Modality::vision ? 1 : 0;
    for (const auto role : draw.state.role) noise += role == SynthRole::noise ? 1 : 0;
    conflict += draw.state.conflict ? 1 : 0;
  }
  const auto tolerance = [&](double p) { return 4 * std::sqrt(n * p * (1 - p)); };
  EXPECT_NEAR(vision, 0.6 * n, tolerance(0.6));
  EXPECT_NEAR(noise, 0.3 * n, tolerance(0.3));
  const double p = 0.5 * 10 / 11;  // nothing contradicts a neutral clip, one level of eleven
  EXPECT_NEAR(conflict, p * n, tolerance(p));
}

TEST(SynthRule, NoNoiseAndNoConflictWhereNoneIsAskedFor) {
  SynthOptions options;
  options.noise = options.conflict = 0;
  for (const Draw& draw : draws(options, 2000)) {
    EXPECT_EQ(draw.state.conflict, std::nullopt);
    for (const auto role : draw.state.role) EXPECT_NE(role, SynthRole::noise);
  }
}

TEST(SynthRule, LabelDistributionIsOneAndPeaksNearItsCentre) {
  const SynthRule rule(SynthOptions().resolved());
  SynthState state;
  state.level = {10, 7, 8};  // 1.0, 0.4, 0.6
  state.role = {SynthRole::dominant, SynthRole::support, SynthRole::support};
  EXPECT_NEAR(rule.centre_of_label(state), 0.8 * 1.0 + 0.2 * 0.5, 1e-12);
  const auto p = rule.label_distribution(state);
  EXPECT_NEAR(std::accumulate(p.begin(), p.end(), 0.0), 1, 1e-12);
  EXPECT_EQ(p[8], 0);  // 0.6 is the audio's sentiment: never nearer to the dominant one
  // 0.8 and 1.0 are equally far from mu = 0.9; 0.8 is also equally far from audio and text, and that is allowed.
  EXPECT_NEAR(p[9], 0.5, 1e-9);
  EXPECT_NEAR(p[10], 0.5, 1e-9);
}

TEST(SynthBounds, BayesBoundIsMetBySimulation) {
  for (const char* family : {"sims", "mosi"}) {
    const SynthOptions options = with_family(family);
    double sum = 0, squares = 0;
    const int n = 40000;
    for (const Draw& draw : draws(options, n)) {
      const double error = std::abs(draw.label - draw.best) / 5.0;
      sum += error;
      squares += error * error;
    }
    const double mean = sum / n, deviation = std::sqrt(squares / n - mean * mean);
    EXPECT_NEAR(mean, bayes_mae(options), 4 * deviation / std::sqrt(n)) << family;
  }
}

TEST(SynthBounds, OneModalityBoundIsReachedByATableAndNotBeaten) {
  const SynthOptions options;
  const int n = 60000;
  std::vector<std::vector<double>> table(3 * 11, std::vector<double>(11, 0.0));
  const auto row = [](const Draw& draw) {
    return std::size_t(draw.state.role.audio) * 11 + std::size_t(draw.state.level.audio);
  };
  for (const Draw& draw : draws(options, n, 1)) table[row(draw)][std::size_t(draw.label)] += 1;
  double sum = 0, squares = 0;
  for (const Draw& draw : draws(options, n, 2)) {
    const double error = std::abs(draw.label - SynthRule::median(table[row(draw)])) / 5.0;
    sum += error;
    squares += error * error;
  }
  const double mean = sum / n, deviation = std::sqrt(squares / n - mean * mean);
  // The table's medians are estimated from 60,000 clips, so it may lose a little more than sampling error.
  const double bound = synth_bounds(options).single[Modality::audio];
  EXPECT_GT(mean, bound - 4 * deviation / std::sqrt(n));
  EXPECT_LT(mean, bound + 4 * deviation / std::sqrt(n) + 0.001);
}

TEST(SynthBounds, OneModalityIsNotEnoughAndTrustIsWorthKnowing) {
  for (const double noise : {0.0, 0.4, 0.8})
    for (const char* family : {"sims", "mosi"}) {
      SynthOptions options = with_family(family);
      options.noise = noise;
      const SynthBounds bounds = synth_bounds(options);
      EXPECT_LT(bounds.bayes * 1.5, bounds.blind);
      for (const double single : bounds.single) {
        EXPECT_LT(bounds.blind * 1.2, single);
        EXPECT_LT(single * 1.4, bounds.constant);
      }
    }
}

TEST(SynthBounds, BlindPredictorSuffersFromNoise) {
  SynthOptions calm, noisy;
  calm.noise = 0;
  noisy.noise = 0.8;
  EXPECT_LT(synth_bounds(calm).blind + 0.05, synth_bounds(noisy).blind);
}

TEST(SynthBounds, FavouredModalityHasTheLowestBound) {
  SynthOptions options;
  options.dominance = TruthCarrier::text;
  const SynthBounds bounds = synth_bounds(options);
  EXPECT_LT(bounds.single.text + 0.05, bounds.single.vision);
  EXPECT_NEAR(bounds.single.vision, bounds.single.audio, 1e-9);
}

}  // namespace
}  // namespace kuda
