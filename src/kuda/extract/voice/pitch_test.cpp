// Fundamental frequency, and what differs from period to period, on sounds made with known ones.

#include "kuda/extract/voice/pitch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "kuda/extract/voice/test_sounds.h"
#include "kuda/extract/voice/voice.h"

namespace kuda {
namespace {

using test::harmonics;
using test::inside;
using test::noise;
using test::place;
using test::tone;
using torch::Tensor;

double mean_of(const Tensor& x) { return x.to(torch::kFloat64).mean().item<double>(); }
double largest(const Tensor& x) { return x.max().item<double>(); }
double least(const Tensor& x) { return x.min().item<double>(); }

TEST(Pitch, OfAToneIsItsFrequency) {
  for (const double hertz : {63.0, 100.0, 137.5, 220.0, 333.3, 440.0, 490.0}) {
    const auto features = voice_features(tone(hertz, 0.5));
    EXPECT_EQ(least(inside(features, "voicing")), 1) << hertz;
    EXPECT_LT(largest((inside(features, "f0") - hertz).abs()), 1e-3 * hertz) << hertz;
    EXPECT_GT(least(inside(features, "hnr")), 25) << hertz;
  }
}

TEST(Pitch, OfHarmonicsIsTheirDistanceAlsoWhereItIsMissing) {
  for (const double hertz : {90.0, 155.0, 240.0})
    for (const int first : {1, 3}) {
      const auto f0 = inside(voice_features(harmonics(hertz, 0.5, first, 9)), "f0");
      EXPECT_LT(largest((f0 - hertz).abs()), 2e-3 * hertz) << hertz << " from harmonic " << first;
    }
}

TEST(Pitch, FollowsAGlide) {
  const auto t = test::times_of(2);  // 100 to 300 Hz in two seconds: phase of 100 t + 50 t^2 turns
  const auto sound = (0.4 * (2 * std::numbers::pi * (100 * t + 50 * t.square())).sin()).to(torch::kFloat32);
  const auto f0 = voice_features(sound).select(1, place("f0")).slice(0, 4, 196);
  const auto truth = 100 + 100 * torch::arange(4, 196, torch::kFloat32) / 100;
  EXPECT_LT(largest(((f0 - truth) / truth).abs()), 0.005);
}

TEST(Pitch, NoiseAndSilenceHaveNoVoice) {
  for (const std::uint64_t seed : {1, 2, 3})
    for (const double deviation : {1e-3, 0.1}) {
      const auto features = voice_features(noise(3, deviation, seed));
      EXPECT_EQ(largest(features.select(1, place("voicing"))), 0) << seed;
      EXPECT_EQ(largest(features.select(1, place("f0"))), 0);
      EXPECT_EQ(largest(features.select(1, place("jitter"))), 0);
      EXPECT_LT(mean_of(features.select(1, place("hnr"))), 0);
    }
  EXPECT_EQ(largest(voice_features(torch::zeros({16000})).select(1, place("voicing"))), 0);
}

TEST(Pitch, WhatIsSoftBesideALoudVoiceIsNoVoice) {
  const auto soft = tone(120, 1, 0.004), loud = tone(200, 1, 0.5);
  const auto voicing = voice_features(torch::cat({soft, loud})).select(1, place("voicing"));
  EXPECT_EQ(largest(voicing.slice(0, 0, 96)), 0) << "under the silence threshold, 0.03 / 1.45 of the loudest sample";
  EXPECT_EQ(least(voicing.slice(0, 104, 196)), 1);
  EXPECT_EQ(least(voice_features(soft).select(1, place("voicing")).slice(0, 4, 96)), 1) << "alone it is one";
}

TEST(Pitch, LoudnessIsThatOfThreeSecondsAround) {
  const auto sound = torch::cat({tone(200, 1, 0.5), tone(120, 8, 0.004)});
  const auto voicing = voice_features(sound).select(1, place("voicing"));
  EXPECT_EQ(largest(voicing.slice(0, 104, 390)), 0);
  EXPECT_EQ(least(voicing.slice(0, 410, 890)), 1);
}

TEST(Pitch, HarmonicsToNoiseIsTheirRatio) {
  const auto voice = harmonics(150, 4, 1, 10);
  const double power = mean_of(voice.square());
  for (const double decibels : {5.0, 10.0, 20.0}) {
    const auto sound = voice + noise(4, std::sqrt(power / std::pow(10, decibels / 10)));
    const auto hnr = inside(voice_features(sound), "hnr").median().item<double>();
    EXPECT_NEAR(hnr, decibels, 1) << "one frame holds 800 samples: a deviation of 0.3 dB at 5 dB and less above";
  }
}

// Periods and amplitudes that vary at random by a known share.
struct Train {
  Tensor sound;
  double jitter = 0, shimmer = 0;
};

Train train(double hertz, double period_share, double amplitude_share) {
  Random random(7);
  std::vector<double> times{0.01}, amplitudes{0.5};
  while (times.back() < 3.95) {
    times.push_back(times.back() + (1 + period_share * random.uniform(-1, 1)) / hertz);
    amplitudes.push_back(0.5 * (1 + amplitude_share * random.uniform(-1, 1)));
  }
  double period_change = 0, amplitude_change = 0, amplitude = 0;
  for (std::size_t i = 2; i < times.size(); ++i) {
    period_change += std::abs(times[i] - 2 * times[i - 1] + times[i - 2]);
    amplitude_change += std::abs(amplitudes[i] - amplitudes[i - 1]);
    amplitude += amplitudes[i];
  }
  return {test::pulses(times, amplitudes, 4), period_change / (times.back() - times[1]), amplitude_change / amplitude};
}

TEST(Perturbation, OfAPulseTrainIsTheOneItWasMadeWith) {
  for (const double hertz : {90.0, 140.0, 210.0}) {
    const auto steady = train(hertz, 0, 0);
    const auto none = voice_features(steady.sound);
    EXPECT_LT(mean_of(inside(none, "jitter")), 3e-4) << hertz << ": a fiftieth of a sample";
    EXPECT_LT(mean_of(inside(none, "shimmer")), 3e-3) << hertz;
    for (const double share : {0.01, 0.03}) {
      const auto shaken = train(hertz, share, 0);
      EXPECT_NEAR(mean_of(inside(voice_features(shaken.sound), "jitter")), shaken.jitter, 0.1 * shaken.jitter) << hertz;
      const auto louder = train(hertz, 0, 3 * share);
      EXPECT_NEAR(mean_of(inside(voice_features(louder.sound), "shimmer")), louder.shimmer, 0.1 * louder.shimmer)
          << hertz;
    }
  }
}

std::vector<PitchChoice> path_of(const std::vector<PitchCandidates>& frames, std::size_t block) {
  PitchPath path{VoiceOptions{}};
  std::vector<PitchChoice> choices;
  const auto take = [&](std::int64_t count) {
    for (const auto& choice : path.take(count)) choices.push_back(choice);
  };
  for (const auto& frame : frames) {
    path.forward(frame, 0.5F);
    if (block > 0 && path.waiting() == std::int64_t(2 * block)) take(std::int64_t(block));
  }
  take(path.waiting());
  return choices;
}

TEST(PitchPath, ASecondOfWhatFollowsDecidesAsAllOfItDoes) {
  std::vector<Tensor> parts;
  Random random(3);
  for (int i = 0; i < 60; ++i) {
    const double seconds = random.uniform(0.05, 0.4);
    parts.push_back(random.below(3) == 0 ? noise(seconds, 0.1, random.below(1000))
                                         : harmonics(random.uniform(80, 300), seconds, 1, 6));
  }
  const auto sound = torch::cat(
      {torch::zeros({400}), torch::cat(parts) + noise(1, 0.05).repeat({30}).slice(0, 0, torch::cat(parts).size(0))});
  const PitchFrames pitch({}, 160);
  const auto frames = pitch.candidates(sound.const_data_ptr<float>() + 400, (sound.size(0) - 801) / 160);
  const auto whole = path_of(frames, 0), bounded = path_of(frames, 100), hasty = path_of(frames, 1);
  const auto differ = [&](const std::vector<PitchChoice>& other) {
    std::size_t count = 0;
    for (std::size_t i = 0; i < whole.size(); ++i) count += whole[i].frequency != other[i].frequency ? 1 : 0;
    return count;
  };
  EXPECT_GT(whole.size(), 800U);
  EXPECT_EQ(differ(bounded), 0U);
  EXPECT_GT(differ(hasty), 0U) << "else this sound leaves nothing to decide";
}

}  // namespace
}  // namespace kuda
