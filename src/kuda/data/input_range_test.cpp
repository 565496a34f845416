#include "kuda/data/input_range.h"

#include <gmock/gmock.h>

#include <limits>

#include "kuda/data/test_data.h"

namespace kuda {
namespace {

TEST(InputRange, IsThatOfTheTrainingClips) {
  constexpr float kInfinite = std::numeric_limits<float>::infinity();
  Dataset data = test::small_dataset();  // one clip a split
  data.vision = test::make_feature({{{1, -2}, {NAN, kInfinite}}, {{7, 8}}, {{9, 10}}}, 3);
  const auto largest = largest_inputs(data);
  EXPECT_EQ(largest.vision, 2);
  EXPECT_EQ(largest.audio, 2);
  EXPECT_EQ(largest.text, 0) << "no features";
  EXPECT_FALSE(is_far(frames_of_clip(*data.vision, 2), largest.vision));
}

TEST(InputRange, FarIsTenTimesAsLarge) {
  const float largest = std::numeric_limits<float>::max();
  EXPECT_FALSE(is_far(std::vector<float>{0, 20, -20}, 2));
  EXPECT_TRUE(is_far(std::vector<float>{0, -20.01F}, 2));
  EXPECT_TRUE(is_far(std::vector<float>{largest}, 1e30F)) << "without overflow";
  EXPECT_FALSE(is_far(std::vector<float>{largest}, largest));
  EXPECT_FALSE(is_far(std::vector<float>{NAN, -std::numeric_limits<float>::infinity()}, 2)) << "cleaning decides";
  EXPECT_FALSE(is_far(std::vector<float>{1e6F}, 0)) << "not known";
}

}  // namespace
}  // namespace kuda
