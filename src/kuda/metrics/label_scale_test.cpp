#include "kuda/metrics/label_scale.h"

#include <gmock/gmock.h>

#include <limits>
#include <vector>

namespace kuda {
namespace {

using testing::HasSubstr;
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

std::string problem(MetricFamily family, const std::vector<float>& labels) { return off_scale(family, labels); }

TEST(LabelScale, SaysNothingOfLabelsOnBothSides) {
  EXPECT_EQ(problem(MetricFamily::mosi, {-3, 0, 0.2F, 3, kNan}), "");
  EXPECT_EQ(problem(MetricFamily::sims, {-1, -0.2F, 0.4F}), "");
  EXPECT_EQ(problem(MetricFamily::sims, {0, 0.4F}), "") << "0 is on the side of the negative ones here";
  EXPECT_EQ(problem(MetricFamily::mosi, {5}), "") << "one clip is no scale";
  EXPECT_EQ(problem(MetricFamily::mosi, {kNan, kNan}), "");
}

TEST(LabelScale, NamesTheMetricsThatSayNothing) {
  EXPECT_EQ(
      problem(MetricFamily::mosi, {0, 1, 1, kNan}),
      "labels from 0 to 1: no label is negative, so Acc-2 and F1 (has-0 and non-0) compare one class with itself");
  EXPECT_EQ(problem(MetricFamily::mosi, {1, 2, 3, 4, 5}),
            "labels from 1 to 5: 2 of 5 labels lie beyond [-3, 3], where all of them are one class of Acc-7 and Acc-5; "
            "no label is negative, so Acc-2 and F1 (has-0 and non-0) compare one class with itself");
  EXPECT_THAT(problem(MetricFamily::sims, {1, 2, 3, 4, 5}),
              HasSubstr("where all metrics cut them off; every label is"));
  EXPECT_THAT(problem(MetricFamily::mosi, {0, 0}), HasSubstr("(non-0) have no clip"));
  EXPECT_THAT(problem(MetricFamily::mosi, {-1, 0}), HasSubstr("no label is positive, so Acc-2 and F1 (non-0)"));
  EXPECT_THAT(problem(MetricFamily::sims, {-1, 0}), HasSubstr("no label is above 0"));
}

TEST(LabelScale, AFewLabelsBeyondTheRangeAreNoOtherScale) {
  std::vector<float> labels(20, -2);
  labels.resize(40, 2);
  labels[0] = 3.2F;
  EXPECT_EQ(problem(MetricFamily::mosi, labels), "");
}

}  // namespace
}  // namespace kuda
