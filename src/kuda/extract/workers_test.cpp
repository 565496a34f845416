#include "kuda/extract/workers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <map>
#include <vector>

#include "kuda/base/error.h"
#include "kuda/base/test_support.h"

namespace kuda {
namespace {

using test::error_of;
using testing::ElementsAre;
using testing::HasSubstr;

std::map<std::size_t, WorkerAnswer> run_all(std::size_t children, WorkerLimits limits, std::size_t tasks,
                                            const WorkerTask& task) {
  std::map<std::size_t, WorkerAnswer> answers;
  const std::atomic<bool> stop{false};
  WorkerPool pool(children, limits, [&] { return task; });
  const auto done = pool.run(tasks, stop, [&](std::size_t which, const WorkerAnswer& answer) {
    EXPECT_TRUE(answers.emplace(which, answer).second) << which << " twice";
  });
  EXPECT_EQ(done, tasks);
  return answers;
}

TEST(WorkerPool, GivesEachTaskToOneChild) {
  const auto answers = run_all(3, {}, 20, [](std::size_t task) {
    return std::to_string(task * task) + " " + std::string(100000, 'x');  // more than a pipe holds
  });
  ASSERT_EQ(answers.size(), 20U);
  for (const auto& [task, answer] : answers) {
    EXPECT_TRUE(answer.is_ok);
    EXPECT_EQ(answer.text, std::to_string(task * task) + " " + std::string(100000, 'x'));
  }
}

TEST(WorkerPool, ADeadChildCostsOneTaskAndIsNamed) {
  const auto answers = run_all(2, {}, 6, [](std::size_t task) -> std::string {
    if (task == 1) std::raise(SIGSEGV);
    if (task == 3) ::_exit(7);
    if (task == 4) throw DataError("no such thing", "look elsewhere");
    return "fine";
  });
  ASSERT_EQ(answers.size(), 6U);
  EXPECT_THAT(answers.at(1).text, HasSubstr("its process died of signal 11"));
  EXPECT_EQ(answers.at(3).text, "its process ended with code 7");
  EXPECT_EQ(answers.at(4).text, "no such thing (look elsewhere)");
  for (const std::size_t task : {1, 3, 4}) EXPECT_FALSE(answers.at(task).is_ok);
  for (const std::size_t task : {0, 2, 5}) EXPECT_EQ(answers.at(task).text, "fine");
}

TEST(WorkerPool, WhatStandsInTheWayOfAllTasksEndsEverything) {
  const std::atomic<bool> stop{false};
  std::size_t answers = 0;
  EXPECT_EQ(NothingWorks(ConfigError("x")).exit_code(), 3) << "that of the error behind it";
  const auto said = [&](const std::function<WorkerTask()>& prepare) {
    answers = 0;
    WorkerPool pool(2, {}, prepare);
    return error_of<NothingWorks>([&] { (void)pool.run(100, stop, [&](auto, const auto&) { ++answers; }); });
  };
  EXPECT_EQ(said([]() -> WorkerTask { throw ConfigError("no such language", "name another"); }),
            "no such language\n  hint: name another");
  EXPECT_EQ(answers, 0U);
  EXPECT_EQ(
      said([] { return [](std::size_t) -> std::string { throw NothingWorks(CheckpointError("damaged weights")); }; }),
      "damaged weights");
  EXPECT_EQ(answers, 0U);
}

TEST(WorkerPool, StopsATaskThatTakesTooLongOrTooMuch) {
  const auto answers = run_all(1, {.seconds = 0.3, .megabytes = 512}, 3, [](std::size_t task) -> std::string {
    if (task == 0)
      for (;;) ::pause();
    if (task == 1) {
      static std::vector<char> large;  // a local one would be optimised away
      large.assign(std::size_t{1} << 30U, 'x');
    }
    return "fine";
  });
  EXPECT_EQ(answers.at(0).text, "it took longer than 0.3 seconds");
  EXPECT_EQ(answers.at(1).text, "there is not enough memory within the limit (--clip-memory)");
  EXPECT_EQ(answers.at(2).text, "fine");
}

TEST(WorkerPool, WhatCannotBePreparedEndsEverything) {
  WorkerPool pool(2, {}, []() -> WorkerTask { throw DataError("no weights"); });
  const std::atomic<bool> stop{false};
  EXPECT_THAT(error_of<Error>([&] { (void)pool.run(5, stop, [](std::size_t, const WorkerAnswer&) {}); }),
              HasSubstr("no weights"));
}

TEST(WorkerPool, FinishesWhatIsBegunWhenStopped) {
  std::atomic<bool> stop{false};
  std::vector<std::size_t> done;
  WorkerPool pool(1, {}, []() -> WorkerTask { return [](std::size_t) { return std::string(); }; });
  const auto count = pool.run(10, stop, [&](std::size_t task, const WorkerAnswer&) {
    done.push_back(task);
    if (task == 2) stop = true;
  });
  EXPECT_EQ(count, 3U);
  EXPECT_THAT(done, ElementsAre(0, 1, 2));
}

}  // namespace
}  // namespace kuda
