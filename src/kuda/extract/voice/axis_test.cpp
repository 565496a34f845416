// Series with frame times of their own on one axis.

#include "kuda/extract/voice/axis.h"

#include <gmock/gmock.h>
#include <torch/torch.h>

#include <cmath>
#include <limits>
#include <numbers>

#include "kuda/base/test_support.h"

namespace kuda {
namespace {

using test::error_of;
using testing::HasSubstr;
using torch::Tensor;

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

Tensor column(const std::vector<float>& values) { return torch::tensor(values).unsqueeze(1); }

std::vector<float> laid(const std::vector<float>& values, const std::vector<double>& times, std::int64_t frames,
                        double rate, Between between = Between::linear, double reach = 0.05) {
  const auto result = lay_on_axis(column(values), times, {frames, rate}, between, reach).contiguous();
  return {result.const_data_ptr<float>(), result.const_data_ptr<float>() + result.numel()};
}

/// Where the values are known: a swing of 3 Hz.
Tensor swing(const std::vector<double>& times) {
  auto t = torch::tensor(times, torch::kFloat64);
  return (t * (2 * std::numbers::pi * 3)).sin().to(torch::kFloat32).unsqueeze(1);
}

// One second of sound in Praat (praat-parselmouth 0.4.7), analyses with its default windows: pitch and harmonicity at a
// step of 10 ms, intensity and formants at the steps that Praat chooses. Frames and first centres as it gives them.
TEST(Axis, AnalysesOfPraatWithOtherNumbersOfFramesMeetByTime) {
  struct Analysis {
    std::int64_t frames;
    double first, step;
  };
  for (const auto& [frames, first, step] : {Analysis{97, 0.02, 0.01}, Analysis{98, 0.015, 0.01},
                                            Analysis{117, 0.036, 0.008}, Analysis{195, 0.015, 0.005}}) {
    const auto times = regular_times(first, step, frames);
    const auto axis_times = regular_times(0, 0.01, 100);
    const auto truth = swing(axis_times);
    const auto error = (lay_on_axis(swing(times), times, {100, 100}) - truth).abs();
    const auto inside = error.slice(0, 4, 95);
    // A line across a step h of a curve with |f''| <= (6 pi)^2 is wrong by at most h^2 / 8 of that.
    EXPECT_LT(inside.max().item<float>(), step * step / 8 * 36 * std::numbers::pi * std::numbers::pi + 1e-6) << frames;
    EXPECT_FALSE(error.isnan().any().item<bool>()) << "the edges lie within reach";
    const auto by_index = (swing(times).slice(0, 0, 90) - truth.slice(0, 0, 90)).abs().max().item<float>();
    EXPECT_GT(by_index, 0.2F) << "joined by index the series lie apart";
  }
}

TEST(Axis, LinearTakesTheLineAndNearestTheNearerFrame) {
  const std::vector<double> times{0, 0.04, 0.05};
  EXPECT_THAT(laid({0, 4, 8}, times, 6, 100),
              testing::Pointwise(testing::FloatNear(1e-5F), std::vector<float>{0, 1, 2, 3, 4, 8}));
  EXPECT_THAT(laid({0, 4, 8}, times, 6, 100, Between::nearest), testing::ElementsAre(0, 0, 0, 4, 4, 8))
      << "as near to both: the earlier one";
}

TEST(Axis, NothingIsMadeUpAcrossAGapOrBeyondTheEnds) {
  const std::vector<double> times{0.2, 0.3, 0.9, 1.0};
  const auto y = laid({1, 2, 3, 4}, times, 14, 10, Between::linear, 0.1);
  const std::vector<float> expected{kNaN, 1, 1, 2, 2, kNaN, kNaN, kNaN, 3, 3, 4, 4, kNaN, kNaN};
  EXPECT_THAT(y, testing::Pointwise(testing::NanSensitiveFloatNear(1e-6F), expected));
}

TEST(Axis, AMissingValueIsOneOfItsColumnAlone) {
  const std::vector<double> times{0, 0.1, 0.2};
  const auto values = torch::tensor({{1.0F, 1.0F}, {kNaN, 3.0F}, {5.0F, 5.0F}});
  const auto y = lay_on_axis(values, times, {5, 20}, Between::linear, 0.06);
  EXPECT_TRUE(torch::allclose(y.select(1, 1), torch::tensor({1.0F, 2.0F, 3.0F, 4.0F, 5.0F})));
  EXPECT_TRUE(torch::allclose(y.select(1, 0), torch::tensor({1.0F, 1.0F, kNaN, 5.0F, 5.0F}), 1e-5, 1e-6, true));
}

TEST(Axis, TheSameTimesGiveTheSameBits) {
  const auto values = torch::randn({50, 3});
  std::vector<double> rounded;
  for (int i = 0; i < 50; ++i) rounded.push_back(std::round(i / 30.0 * 1000) / 1000);  // OpenFace: three digits
  EXPECT_TRUE(torch::equal(lay_on_axis(values, regular_times(0, 0.01, 50), {50, 100}, Between::nearest), values));
  EXPECT_TRUE(torch::equal(lay_on_axis(values, rounded, {50, 30}, Between::nearest), values));
}

TEST(Axis, RefusesWhatIsNoSeries) {
  const std::vector<double> back{0, 0.2, 0.1}, unknown{0, NAN}, one{0};
  const auto lay = [](const Tensor& values, const std::vector<double>& times) {
    return [=] { (void)lay_on_axis(values, times, {3, 10}); };
  };
  EXPECT_THAT(error_of<DataError>(lay(torch::zeros({3, 1}), back)), HasSubstr("frame 2: expected a time after 0.2"));
  EXPECT_THAT(error_of<DataError>(lay(torch::zeros({2, 1}), unknown)), HasSubstr("frame 1"));
  EXPECT_THAT(error_of<ShapeError>(lay(torch::zeros({2, 1}), one)), HasSubstr("expected [1, C] float32"));
  EXPECT_TRUE(lay_on_axis(torch::zeros({0, 2}), {}, {3, 10}).isnan().all().item<bool>());
}

}  // namespace
}  // namespace kuda
