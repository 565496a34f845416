#include "kuda/media/guarded.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <thread>

#include "kuda/media/test_media.h"

namespace kuda {
namespace {

using test::Collected;
using test::error_of;
using testing::AllOf;
using testing::HasSubstr;

void ignore(std::span<const std::byte>) {}

std::string lost(const std::function<void(const SendMessage&)>& work, const MediaLimits& limits = {}) {
  return error_of<DataError>([&] { run_guarded("odd/clip.mp4", limits, work, ignore); });
}

bool has_children() { return ::waitpid(-1, nullptr, WNOHANG) != -1; }

TEST(Guarded, MessagesArriveInOrderAndWhole) {
  std::vector<std::string> came;
  run_guarded(
      "clip.mp4", {},
      [](const SendMessage& send) {
        for (const std::size_t size : {0UL, 1UL, 5'000'000UL, 7UL}) {
          const std::string text(size, static_cast<char>('a' + size % 26));
          send(std::as_bytes(std::span(text)));
        }
      },
      [&](std::span<const std::byte> bytes) {
        came.emplace_back(reinterpret_cast<const char*>(bytes.data()), bytes.size());
      });
  ASSERT_EQ(came.size(), 4U);
  EXPECT_EQ(came[2], std::string(5'000'000, static_cast<char>('a' + 5'000'000 % 26)));
  EXPECT_EQ(came[3], std::string(7, 'h'));
  EXPECT_FALSE(has_children());
}

TEST(Guarded, AChildThatDiesIsNamedWithItsSignal) {
  EXPECT_THAT(lost([](const SendMessage&) { ::raise(SIGKILL); }),
              AllOf(HasSubstr("odd/clip.mp4: the process that decoded it was lost"), HasSubstr("SIGKILL")));
  EXPECT_THAT(lost([](const SendMessage&) { ::_exit(7); }), HasSubstr("exit code 7"));
  EXPECT_FALSE(has_children());
}

TEST(Guarded, ALoopIsEndedByItsProcessorTime) {
  const volatile bool forever = true;
  EXPECT_THAT(lost(
                  [&](const SendMessage&) {
                    while (forever) {
                    }
                  },
                  {.cpu_seconds = 1}),
              HasSubstr("it used more than 1 s of processor time"));
}

TEST(Guarded, AChildThatSaysNothingIsEnded) {
  EXPECT_THAT(lost([](const SendMessage&) { ::pause(); }, {.silent_seconds = 0.2}),
              HasSubstr("no sign of life for 0.2 s"));
  EXPECT_FALSE(has_children());
}

TEST(Guarded, TheTimeOfTheReceiverIsNotTheChilds) {
  int came = 0;
  run_guarded(
      "clip.mp4", {.silent_seconds = 1},  // a busy machine takes a while to fork
      [](const SendMessage& send) {
        for (int i = 0; i < 3; ++i) send(std::as_bytes(std::span("abc")));
      },
      [&](std::span<const std::byte>) {
        if (++came == 1) std::this_thread::sleep_for(std::chrono::milliseconds(1200));
      });
  EXPECT_EQ(came, 3);
}

TEST(Guarded, MemoryIsLimited) {
  if (::dlsym(RTLD_DEFAULT, "__asan_init") != nullptr) GTEST_SKIP() << "with the address sanitizer, new does not fail";
  const auto take = [](const SendMessage& send) {
    const std::vector<char> much(std::size_t{200} << 20, 'a');
    send(std::as_bytes(std::span(much).last(1)));
  };
  EXPECT_THAT(lost(take, {.memory = 64 << 20}),
              HasSubstr("odd/clip.mp4: it takes more than the 64 MiB that it may have"));
  run_guarded("odd/clip.mp4", {.memory = 256 << 20}, take, ignore);
}

TEST(Guarded, AnErrorOfTheWorkIsThrownHereAgain) {
  EXPECT_EQ(error_of<DataError>([] {
              run_guarded(
                  "clip.mp4", {}, [](const SendMessage&) { throw DataError("clip.mp4: no pictures", "film again"); },
                  ignore);
            }),
            DataError("clip.mp4: no pictures", "film again").what());
  EXPECT_THAT(error_of<ConfigError>([] {
                run_guarded(
                    "clip.mp4", {}, [](const SendMessage&) { throw ConfigError("begin: expected"); }, ignore);
              }),
              HasSubstr("begin: expected"));
}

TEST(Guarded, AFailureOfTheReceiverEndsTheChild) {
  EXPECT_THAT(error_of<Error>([] {
                run_guarded(
                    "clip.mp4", {},
                    [](const SendMessage& send) {
                      while (true) send(std::as_bytes(std::span("abc")));
                    },
                    [](std::span<const std::byte>) { throw Error("the disk is full"); });
              }),
              HasSubstr("the disk is full"));
  EXPECT_FALSE(has_children());
}

TEST(Guarded, TheChildHoldsNoFileOfItsParent) {
  const int open_here = ::fcntl(STDIN_FILENO, F_DUPFD, 20);
  std::string came;
  run_guarded(
      "clip.mp4", {},
      [&](const SendMessage& send) {
        const std::string answer = ::fcntl(open_here, F_GETFD) == -1 ? "closed" : "open";
        send(std::as_bytes(std::span(answer)));
      },
      [&](std::span<const std::byte> bytes) {
        came.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
      });
  ::close(open_here);
  EXPECT_EQ(came, "closed");
}

using GuardedMedia = test::MadeMedia;

void expect_equal(const Collected& found, const Collected& expected) {
  EXPECT_EQ(found.samples, expected.samples);
  ASSERT_EQ(found.pictures.size(), expected.pictures.size());
  for (std::size_t i = 0; i < found.pictures.size(); ++i) {
    EXPECT_EQ(found.pictures[i].rgb, expected.pictures[i].rgb);
    EXPECT_EQ(found.pictures[i].time, expected.pictures[i].time);
    EXPECT_EQ(found.pictures[i].width, expected.pictures[i].width);
    EXPECT_EQ(found.pictures[i].stride, expected.pictures[i].stride);
  }
}

TEST_F(GuardedMedia, GivesWhatReadingItHereGives) {
  const auto whole = test::normal_clip("normal.mp4", "-movflags +faststart");
  for (const auto& path : {whole, test::cut(whole, 0.6)}) {
    Collected here, there;
    const auto report = read_media(path, {}, here);
    EXPECT_EQ(read_media_guarded(path, {}, there), report) << path;
    EXPECT_EQ(report.cut_short, path != whole);
    expect_equal(there, here);
  }
  Collected none;
  EXPECT_THAT(error_of<DataError>([&] { read_media_guarded("/no/such/clip.mp4", {}, none); }),
              HasSubstr("/no/such/clip.mp4: no such file"));
}

TEST_F(GuardedMedia, ManyThreadsReadAtOnce) {
  const auto path = test::normal_clip();
  std::vector<Collected> seen(6);
  std::vector<std::thread> threads;
  for (auto& one : seen) threads.emplace_back([&] { read_media_guarded(path, {}, one); });
  for (auto& thread : threads) thread.join();
  for (const auto& one : seen) expect_equal(one, seen[0]);
  EXPECT_EQ(seen[0].pictures.size(), 30U);
}

}  // namespace
}  // namespace kuda
