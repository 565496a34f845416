// Descriptors of a sound against what follows from their formulas.

#include "kuda/extract/voice/voice.h"

#include <gmock/gmock.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "kuda/base/test_support.h"
#include "kuda/extract/voice/test_sounds.h"

namespace kuda {
namespace {

using test::error_of;
using test::harmonics;
using test::inside;
using test::noise;
using test::place;
using test::tone;
using testing::HasSubstr;
using torch::Tensor;

constexpr double kPi = std::numbers::pi;

double value(const Tensor& features, std::int64_t frame, const std::string& name) {
  return features[frame][place(name)].item<double>();
}

TEST(Voice, TheNumberOfFramesDependsOnTheLengthAlone) {
  const std::vector<std::pair<std::int64_t, std::int64_t>> lengths{{0, 0},       {1, 1},       {160, 1},    {161, 2},
                                                                   {16000, 100}, {16001, 101}, {47000, 294}};
  for (const auto& [samples, frames] : lengths)
    for (const auto& sound : {torch::zeros({samples}), noise(4, 0.1).slice(0, 0, samples)}) {
      const auto features = voice_features(sound);
      EXPECT_EQ(features.sizes(), (std::vector<std::int64_t>{frames, 64})) << samples;
      EXPECT_TRUE(features.isfinite().all().item<bool>()) << samples;
      EXPECT_EQ(speech_energy(sound).sizes(), (std::vector<std::int64_t>{frames})) << samples;
    }
  EXPECT_EQ(voice_columns().size(), 64U);
}

TEST(Voice, FramesAreCentredOnTheirTime) {
  auto click = torch::zeros({16000});
  click[4800] = 1;  // 0.3 s
  const auto energy = voice_features(click).select(1, place("energy"));
  const auto loud = (energy > -20).nonzero().flatten();
  EXPECT_EQ(loud[0].item<int>(), 29);  // 25 ms: 12.5 ms to both sides of 0.3 s
  EXPECT_EQ(loud[-1].item<int>(), 31);
  const auto mel = voice_features(click).slice(1, 0, 40).sum(1);
  EXPECT_EQ(mel.argmax().item<int>(), 30);
  EXPECT_NEAR(mel[29].item<double>(), mel[31].item<double>(), 1e-3) << "the window is symmetric about the centre";
}

TEST(Voice, OfATone) {
  const auto features = voice_features(tone(1000, 0.5, 0.4));  // 25 whole periods in a window
  EXPECT_LT((inside(features, "energy") - std::log(0.08)).abs().max().item<double>(), 1e-3);
  EXPECT_LT((inside(features, "zero_crossings") - 2 * 1000 / 16000.0).abs().max().item<double>(), 1.0 / 399)
      << "one crossing more or less at a window's end";
  EXPECT_LT((inside(features, "centroid") - 1000).abs().max().item<double>(), 1);
  EXPECT_LT(inside(features, "flux").abs().max().item<double>(), 1e-4);
  EXPECT_LT((speech_energy(tone(1000, 0.5, 0.4)).slice(0, 4, 46) - 0.4 / std::sqrt(2)).abs().max().item<double>(),
            1e-3);
  EXPECT_LT(speech_energy(tone(50, 0.5, 0.4)).slice(0, 4, 46).max().item<double>(), 0.002) << "mains hum is no speech";
  EXPECT_LT(speech_energy(tone(6000, 0.5, 0.4)).slice(0, 4, 46).max().item<double>(), 1e-4);
  EXPECT_TRUE(torch::equal(speech_energy(tone(1000, 0.5, 0.4)), speech_energy_of(features)));
}

TEST(Voice, AToneIsLoudestInItsMelBand) {
  const auto mel = [](double hertz) { return 2595 * std::log10(1 + hertz / 700); };
  const double step = (mel(8000) - mel(20)) / 41;
  for (int band = 3; band < 40; ++band) {  // the lowest bands are narrower than the window can tell apart
    const double centre = 700 * (std::pow(10, (mel(20) + step * (band + 1)) / 2595) - 1);
    const auto features = voice_features(tone(centre, 0.2));
    EXPECT_EQ(features[10].slice(0, 0, 40).argmax().item<int>(), band);
  }
}

TEST(Voice, OfWhiteNoise) {
  constexpr double kDeviation = 0.05;
  const auto features = voice_features(noise(20, kDeviation));
  // P has the mean kDeviation^2 in every bin. Bands 20 to 39 hold 4 bins and more, and 2000 frames of which every other
  // one is new: a band's mean is within 5 / sqrt(4 * 1000) of it; H sums to half the band's width over 31.25 Hz.
  const auto mel = [](double hertz) { return 2595 * std::log10(1 + hertz / 700); };
  const auto edge = [&](int i) { return 700 * (std::pow(10, (mel(20) + (mel(8000) - mel(20)) * i / 41) / 2595) - 1); };
  for (int band = 20; band < 39; ++band) {
    const double expected = kDeviation * kDeviation * (edge(band + 2) - edge(band)) / 2 / 31.25;
    EXPECT_NEAR(inside(features, "mel_" + std::to_string(band)).exp().mean().item<double>() / expected, 1, 0.08)
        << band;
  }
  EXPECT_NEAR(inside(features, "energy").exp().mean().item<double>(), kDeviation * kDeviation, 2e-5);
  EXPECT_NEAR(inside(features, "zero_crossings").mean().item<double>(), 0.5, 0.005);
  EXPECT_NEAR(inside(features, "centroid").mean().item<double>(), 4000, 40);
  EXPECT_NEAR(inside(features, "slope_500_1500").mean().item<double>(), 0, 0.5);
}

// A click in the middle of a window has a flat spectrum, two clicks one of 1 + a^2 + 2 a cos.
TEST(Voice, SlopesAreThoseOfTheSpectrum) {
  for (const double a : {0.0, 0.5, -0.7}) {
    auto clicks = torch::zeros({3200});
    clicks[1599] = 0.5;
    clicks[1600] = 0.5 * a;
    const auto features = voice_features(clicks);
    for (const bool is_low : {true, false}) {
      const double low = is_low ? 0 : 500, high = is_low ? 500 : 1500;
      const std::string name = is_low ? "slope_0_500" : "slope_500_1500";
      double n = 0, f_sum = 0, y_sum = 0, ff = 0, fy = 0;
      for (int k = 1; k <= 256; ++k) {
        const double hertz = k * 31.25, f = hertz / 1000;
        if (hertz <= low || hertz > high) continue;
        // 60 dB under full scale is far over the floor; the window is 1 here to 6e-5.
        const double y = 10 * std::log10(1 + a * a + 2 * a * std::cos(2 * kPi * hertz / 16000));
        n += 1, f_sum += f, y_sum += y, ff += f * f, fy += f * y;
      }
      EXPECT_NEAR(value(features, 10, name), (n * fy - f_sum * y_sum) / (n * ff - f_sum * f_sum), 0.01) << name << a;
    }
  }
}

TEST(Voice, CepstraAreTheCosineTransformOfTheMelBands) {
  const auto features = voice_features(harmonics(130, 0.3, 1, 20) + noise(0.3, 0.01));
  for (int k = 0; k < 13; ++k) {
    double sum = 0;
    for (int n = 0; n < 40; ++n)
      sum += value(features, 15, "mel_" + std::to_string(n)) * std::cos(kPi * k * (n + 0.5) / 40);
    EXPECT_NEAR(value(features, 15, "mfcc_" + std::to_string(k)), sum * std::sqrt((k == 0 ? 1 : 2) / 40.0), 1e-3) << k;
  }
}

TEST(Voice, FluxSeesAChangeOfTheSpectrumAndIsZeroAtFirst) {
  const auto sound = torch::cat({tone(500, 0.5), tone(4000, 0.5)});
  const auto features = voice_features(sound);
  EXPECT_EQ(value(features, 0, "flux"), 0);
  const auto flux = features.select(1, place("flux"));
  EXPECT_NEAR(flux.slice(0, 48, 53).sum().item<double>(), 1.2, 0.5) << "spread over the frames that see both tones";
  EXPECT_LT(flux.slice(0, 4, 48).max().item<double>(), 1e-3);
  // Against a frame of silence, which has no shape, the change is 1.
  const auto after = torch::cat({torch::zeros({1600}), tone(1000, 0.2)});
  EXPECT_NEAR(voice_features(after).select(1, place("flux")).slice(0, 8, 10).sum().item<double>(), 1, 0.05);
}

/// Thirteen seconds in which something happens: voices, noise, silence, a click.
Tensor eventful() {
  auto sound = torch::cat({harmonics(110, 1.23, 1, 8), noise(0.7, 0.05), harmonics(210, 2.05, 1, 5, 0.02),
                           torch::zeros({20011}), tone(320, 0.33), noise(1.5, 0.2, 5), harmonics(95, 3.3, 2, 12),
                           torch::zeros({9000}), harmonics(180, 1.7, 1, 8)});
  return sound + noise(double(sound.size(0)) / 16000, 0.002, 9);
}

/// "" where all bits are equal, else where the first ones are not.
std::string difference(const Tensor& a, const Tensor& b) {
  if (torch::equal(a, b)) return "";
  if (a.sizes() != b.sizes()) return "other shapes";
  const auto at = a.ne(b).nonzero()[0];
  return "frame " + std::to_string(at[0].item<int>()) + ", " + voice_columns()[std::size_t(at[1].item<std::int64_t>())];
}

TEST(VoiceAnalyser, PiecesGiveTheBitsOfTheWhole) {
  const auto sound = eventful();
  const auto whole = voice_features(sound);
  EXPECT_GT(whole.select(1, place("voicing")).sum().item<double>(), 400);
  EXPECT_GT((whole.select(1, place("jitter")) > 0).sum().item<int>(), 300);
  for (const std::int64_t piece : {61, 1600, 15999, 16000, 100000}) {
    VoiceAnalyser analyser;
    std::vector<Tensor> rows;
    for (std::int64_t at = 0; at < sound.size(0); at += piece)
      rows.push_back(analyser.add(sound.slice(0, at, std::min(at + piece, sound.size(0)))));
    rows.push_back(analyser.finish());
    EXPECT_EQ(difference(torch::cat(rows), whole), "") << "pieces of " << piece;
  }
}

TEST(VoiceAnalyser, RowsComeWhileTheSoundGoesOn) {
  VoiceAnalyser analyser;
  std::int64_t rows = 0;
  for (int second = 1; second <= 20; ++second) {
    rows += analyser.add(noise(1, 0.1, std::uint64_t(second))).size(0);
    EXPECT_GE(rows, 100 * (second - 7)) << "at most seven seconds behind";
  }
  EXPECT_EQ(rows + analyser.finish().size(0), 2000);
}

// The end of a sound is a silence: what lies more than seven seconds before it does not know.
TEST(VoiceAnalyser, RowsDoNotDependOnWhatComesLater) {
  const auto sound = eventful();
  const auto whole = voice_features(sound), part = voice_features(sound.slice(0, 0, 160000));
  EXPECT_EQ(difference(whole.slice(0, 0, 300), part.slice(0, 0, 300)), "");
}

TEST(Voice, ShiftedByFramesASoundHasItsRowsShifted) {
  const auto sound = eventful().slice(0, 0, 48000);
  const auto rows = voice_features(sound), later = voice_features(torch::cat({torch::zeros({37 * 160}), sound}));
  const auto voiced = [](const Tensor& x) { return x.select(1, place("f0")); };
  EXPECT_TRUE(torch::equal(voiced(rows).slice(0, 1), voiced(later).slice(0, 38)));
  EXPECT_TRUE(torch::allclose(rows.slice(0, 1), later.slice(0, 38), 1e-4, 1e-4))
      << "sums are in other lanes of a block";
}

TEST(Voice, OtherRatesSeeTheSameVoice) {
  for (const int rate : {8000, 44100, 48000}) {
    const auto t = torch::arange(rate, torch::kFloat64) / rate;
    const auto features = voice_features((0.3 * (2 * kPi * 180 * t).sin()).to(torch::kFloat32), {.sample_rate = rate});
    EXPECT_EQ(features.size(0), 100);
    EXPECT_LT((inside(features, "f0") - 180).abs().max().item<double>(), 0.2) << rate;
    EXPECT_LT((inside(features, "energy") - std::log(0.045)).abs().max().item<double>(), 0.05) << rate;
  }
}

TEST(Voice, HalfTheFramesAreEverySecondOne) {
  const auto sound = eventful().slice(0, 0, 48000);
  const auto all = voice_features(sound).slice(0, 0, 300, 2), half = voice_features(sound, {.frames_per_second = 50});
  EXPECT_EQ(half.size(0), 150);
  EXPECT_TRUE(torch::allclose(all.slice(1, 0, 55), half.slice(1, 0, 55), 1e-4, 1e-4)) << "up to flux, which looks back";
  const auto same = all.select(1, place("voicing")).eq(half.select(1, place("voicing"))).sum().item<std::int64_t>();
  EXPECT_GE(same, 147) << "a path of half the frames may begin and end a voice a frame apart";
}

TEST(Voice, RefusesWhatIsNoSound) {
  auto sound = tone(200, 2);
  sound[20000] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(error_of<DataError>([&] { (void)voice_features(sound); }),
              HasSubstr("sound: sample 20000 (1.250 s): expected a finite number, found nan"));
  VoiceAnalyser analyser;
  (void)analyser.add(tone(200, 1));
  const auto infinite = torch::full({3}, std::numeric_limits<float>::infinity());
  EXPECT_THAT(error_of<DataError>([&] { (void)analyser.add(infinite); }), HasSubstr("sample 16000 (1.000 s)"));
  EXPECT_THAT(error_of<ShapeError>([] {
                (void)voice_features(torch::zeros({2, 5}));
              }),
              HasSubstr("expected [S] float32, found [2, 5] Float"));
  EXPECT_THAT(error_of<ShapeError>([] { (void)voice_features(torch::zeros({5}, torch::kInt16)); }), HasSubstr("Short"));
}

TEST(Voice, OptionsThatDoNotFitAreNamed) {
  const auto message = [](const VoiceOptions& options) {
    return error_of<ConfigError>([&] { (void)voice_features(torch::zeros({10}), options); });
  };
  EXPECT_THAT(message({.sample_rate = 22050, .frames_per_second = 100}),
              HasSubstr("divides sample_rate = 22050, found 100"));
  EXPECT_THAT(message({.sample_rate = 4000}), HasSubstr("sample_rate: expected 8000"));
  EXPECT_THAT(message({.frames_per_second = 0}), HasSubstr("frames_per_second"));
  EXPECT_THAT(message({.frames_per_second = 5}), HasSubstr("at least 10"));
  EXPECT_THAT(message({.lowest_pitch = 300, .highest_pitch = 200}), HasSubstr("found 300 and 200"));
}

}  // namespace
}  // namespace kuda
