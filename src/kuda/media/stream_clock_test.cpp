#include "kuda/media/stream_clock.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "kuda/media/orientation.h"

namespace kuda {
namespace {

TEST(StreamClock, BelievesWhatCanBeTrue) {
  StreamClock clock(0, 3.0);
  EXPECT_DOUBLE_EQ(clock.place(0.02, 0.04), 0.02);
  EXPECT_DOUBLE_EQ(clock.place(0.5, 0.04), 0.5);    // a hole
  EXPECT_DOUBLE_EQ(clock.place(0.52, 0.04), 0.52);  // a little back
  EXPECT_DOUBLE_EQ(clock.place({}, 0.04), 0.56);    // no stamp: the end of the one before
  EXPECT_EQ(clock.jumps(), 0);
}

TEST(StreamClock, ReplacesAStampBehindTheDeclaredEndAndComesBack) {
  StreamClock clock(0, 3.0);
  clock.place(1.0, 0.04);
  EXPECT_DOUBLE_EQ(clock.place(95443.7, 0.04), 1.04);
  EXPECT_DOUBLE_EQ(clock.place(1.08, 0.04), 1.08);
  EXPECT_DOUBLE_EQ(clock.place(1.12, 0.04), 1.12);
  EXPECT_EQ(clock.jumps(), 2);
}

TEST(StreamClock, CountsOnWhenASecondRecordingBeginsAtZero) {
  StreamClock clock(0, {});
  clock.place(9.96, 0.04);
  EXPECT_DOUBLE_EQ(clock.place(0.0, 0.04), 10.0);
  EXPECT_DOUBLE_EQ(clock.place(0.04, 0.04), 10.04);
  EXPECT_EQ(clock.jumps(), 1);
}

TEST(StreamClock, HoldsALongSlideButNotAnHour) {
  StreamClock clock(0, {});
  clock.place(0.0, 1);
  EXPECT_DOUBLE_EQ(clock.place(300.0, 1), 300);
  EXPECT_DOUBLE_EQ(clock.place(4000.0, 1), 301);
}

/// Two rows of three pixels, numbered, turned by a matrix.
std::vector<int> turned(const std::array<std::int32_t, 9>& matrix) {
  std::array<std::uint8_t, 18> from{}, to{};
  for (std::size_t i = 0; i < 18; ++i) from[i] = static_cast<std::uint8_t>(i / 3);
  const auto orientation = Orientation::of_matrix(matrix);
  orientation.turn(from.data(), 9, 3, 2, to.data(), orientation.transposed ? 6 : 9);
  std::vector<int> pixels;
  for (std::size_t i = 0; i < 18; i += 3) pixels.push_back(to[i]);
  return pixels;
}

TEST(Orientation, TurnsAndMirrorsTheWayTheMatrixSays) {
  constexpr std::int32_t one = 1 << 16;
  using Pixels = std::vector<int>;
  EXPECT_EQ(turned({one, 0, 0, 0, one, 0, 0, 0, 0}), (Pixels{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(turned({0, one, 0, -one, 0, 0, 0, 0, 0}), (Pixels{3, 0, 4, 1, 5, 2}));  // 90 degrees clockwise
  EXPECT_EQ(turned({-one, 0, 0, 0, -one, 0, 0, 0, 0}), (Pixels{5, 4, 3, 2, 1, 0}));
  EXPECT_EQ(turned({0, -one, 0, one, 0, 0, 0, 0, 0}), (Pixels{2, 5, 1, 4, 0, 3}));  // 270
  EXPECT_EQ(turned({-one, 0, 0, 0, one, 0, 0, 0, 0}), (Pixels{2, 1, 0, 5, 4, 3}));  // mirrored left to right
  EXPECT_EQ(turned({0, one, 0, one, 0, 0, 0, 0, 0}), (Pixels{0, 3, 1, 4, 2, 5}));   // rows and columns swapped
  EXPECT_EQ(turned({0, 0, 0, 0, 0, 0, 0, 0, 0}), (Pixels{0, 1, 2, 3, 4, 5}));       // no matrix at all
}

TEST(Orientation, NamesItsDegrees) {
  constexpr std::int32_t one = 1 << 16;
  const auto facts = [](const std::array<std::int32_t, 9>& matrix) {
    const auto orientation = Orientation::of_matrix(matrix);
    return std::pair(orientation.rotation(), orientation.mirrored());
  };
  EXPECT_EQ(facts({one, 0, 0, 0, one, 0, 0, 0, 0}), std::pair(0, false));
  EXPECT_EQ(facts({0, one, 0, -one, 0, 0, 0, 0, 0}), std::pair(90, false));
  EXPECT_EQ(facts({-one, 0, 0, 0, -one, 0, 0, 0, 0}), std::pair(180, false));
  EXPECT_EQ(facts({0, -one, 0, one, 0, 0, 0, 0, 0}), std::pair(270, false));
  EXPECT_EQ(facts({-one, 0, 0, 0, one, 0, 0, 0, 0}), std::pair(0, true));
  EXPECT_EQ(facts({one, 0, 0, 0, -one, 0, 0, 0, 0}), std::pair(180, true));
}

}  // namespace
}  // namespace kuda
