#include "kuda/base/progress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <sstream>

namespace kuda {
namespace {

using testing::HasSubstr;
using testing::Not;

/// A clock that the test moves.
struct Watch {
  ConsoleProgress::Clock::time_point now{};
  void pass(double seconds) {
    now += std::chrono::duration_cast<ConsoleProgress::Clock::duration>(std::chrono::duration<double>(seconds));
  }
};

TEST(Progress, PlainLinesComeAtMostEveryTenSeconds) {
  std::ostringstream out;
  Watch watch;
  ConsoleProgress progress(out, false, [&] { return watch.now; });
  for (int step = 1; step <= 20; ++step) {
    progress.step({"kuda", 2, 10, step, 20, 8, 0.5});
    watch.pass(3);
  }
  const auto text = out.str();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 4) << text;  // 57 s: at 12, 24, 36 and 48
  EXPECT_THAT(text, HasSubstr("kuda  epoch 2/10  step 5/20  loss 0.5000  2.7 clips/s  08:45 left"))
      << "8 clips in 3 s; 175 steps to go";
  EXPECT_THAT(text, Not(HasSubstr("\r")));
}

TEST(Progress, ATerminalHasABarThatGivesWayToLines) {
  std::ostringstream out;
  Watch watch;
  {
    ConsoleProgress progress(out, true, [&] { return watch.now; });
    progress.step({"predict", 0, 0, 1, 4, 8, std::numeric_limits<double>::quiet_NaN()});
    EXPECT_THAT(out.str(), HasSubstr("\r\033[Kpredict  [######..................]  step 1/4"));
    EXPECT_THAT(out.str(), Not(HasSubstr("loss")));
    EXPECT_THAT(out.str(), Not(HasSubstr("\n")));
    progress.line("a note");
    EXPECT_TRUE(out.str().ends_with("\r\033[Ka note\n"));
    watch.pass(1);
    progress.step({"predict", 0, 0, 2, 4, 8, std::numeric_limits<double>::quiet_NaN()});
    EXPECT_THAT(out.str(), HasSubstr("8.0 clips/s  00:02 left"));
  }
  EXPECT_TRUE(out.str().ends_with("\r\033[K")) << "the bar is taken away at the end";
}

TEST(Progress, TheBarFitsTheTerminalWhateverItsWidthBecomes) {
  std::ostringstream out;
  Watch watch;
  std::size_t width = 200;
  ConsoleProgress progress(
      out, true, [&] { return watch.now; }, [&] { return width; });
  std::int64_t step = 0;
  const auto drawn = [&](std::size_t columns) {
    width = columns;
    watch.pass(1);
    out.str("");
    progress.step({"kuda", 2, 10, ++step, 20, 8, 0.5});
    return out.str().substr(std::string("\r\033[K").size());
  };
  (void)drawn(200);
  EXPECT_EQ(drawn(200),
            "kuda  epoch 2/10  [##......................]  step 2/20  loss 0.5000  8.0 clips/s  02:58 left");
  EXPECT_EQ(drawn(80), "kuda  epoch 2/10  [#.........]  step 3/20  loss 0.5000  8.0 clips/s  02:57 left");
  EXPECT_EQ(drawn(70), "kuda  epoch 2/10  step 4/20  loss 0.5000  8.0 clips/s  02:56 left");
  EXPECT_EQ(drawn(30), "kuda  epoch 2/10  step 5/20  ");
  EXPECT_EQ(drawn(1), "");
  EXPECT_THAT(drawn(200), HasSubstr("[########................]"));
}

TEST(Progress, DurationsReadAsClocks) {
  EXPECT_EQ(format_duration(7.4), "00:07");
  EXPECT_EQ(format_duration(725), "12:05");
  EXPECT_EQ(format_duration(3 * 3600 + 131), "3:02:11");
  EXPECT_EQ(format_duration(-1), "00:00");
}

}  // namespace
}  // namespace kuda
