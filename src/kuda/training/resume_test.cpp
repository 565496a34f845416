// Stopped or killed anywhere and begun again, a run ends with the same bytes as one that was not.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/checkpoint/predictions.h"
#include "kuda/io/safetensors.h"
#include "kuda/tensor/state_dict.h"
#include "kuda/training/test_toy_model.h"

namespace kuda {
namespace {

using namespace test;
using test::error_of;
using test::scratch_folder;
using testing::HasSubstr;

constexpr std::int64_t kStepsPerEpoch = 4;

TrainConfig rough_config() {
  auto config = toy_config();
  config.epochs = 5;
  config.lr = 0.3;  // rough, so that best epochs come early and late
  config.schedule = Schedule::released;
  return config;
}

struct Outcome {
  std::string model, predictions, best;
};

/// Trains (on) in `folder` and gives the bytes of what a run leaves.
Outcome finish(const std::filesystem::path& folder, const TrainConfig& config, Progress* progress = nullptr,
               const std::atomic<bool>* stop = nullptr) {
  const auto task = toy_task();
  const auto result = train(task, config, 11, {folder / "state", folder / "epochs.jsonl", progress, stop});
  io::write_safetensors(folder / "last.safetensors", state_of(*task.model));
  use_chosen_epoch(*task.model, result);
  io::write_safetensors(folder / "model.safetensors", state_of(*task.model));
  write_predictions(folder / "predictions.csv", predict_rows(*task.model, task.collate, range(0, kClips)));
  return {read_file(folder / "last.safetensors"), read_file(folder / "predictions.csv"),
          read_file(folder / "model.safetensors")};
}

void expect_same(const Outcome& found, const Outcome& expected, const std::string& where) {
  EXPECT_TRUE(found.model == expected.model) << where << ": last epoch's weights";
  EXPECT_TRUE(found.best == expected.best) << where << ": chosen weights";
  EXPECT_EQ(found.predictions, expected.predictions) << where;
}

TEST(Resume, StoppedAfterAnyStepItEndsWithTheSameBytes) {
  for (const std::int64_t accumulate : {1, 2}) {
    auto config = rough_config();
    config.accumulate = accumulate;
    const auto steps = config.epochs * ((kStepsPerEpoch + accumulate - 1) / accumulate);
    const auto expected = finish(scratch_folder("whole"), config);
    for (std::int64_t k = 1; k <= steps; ++k) {
      const auto folder = scratch_folder("stopped");
      std::atomic<bool> stop{false};
      std::int64_t done = 0;
      AtStep progress([&](const ProgressStep&) { stop = ++done == k; });
      try {
        (void)finish(folder, config, &progress, &stop);
        ADD_FAILURE() << "not stopped after step " << k;
      } catch (const Interrupted& error) {
        EXPECT_EQ(error.exit_code(), 6);
        EXPECT_THAT(error.what(), HasSubstr("the same command continues"));
      }
      EXPECT_EQ(done, k) << "the step is finished and no other begun";
      expect_same(finish(folder, config), expected, "stopped after step " + std::to_string(k));
    }
  }
}

TEST(Resume, AKillBetweenTheStateAndTheLinesOfEpochsLosesNoLine) {
  const auto config = rough_config();
  const auto folder = scratch_folder("run");
  (void)finish(folder, config);
  const auto all = read_file(folder / "epochs.jsonl");
  for (const std::size_t left : {all.find('\n') + 1, std::size_t{0}}) {
    write_file(folder / "epochs.jsonl", all.substr(0, left));
    (void)finish(folder, config);  // the state says that every epoch is done
    EXPECT_EQ(read_file(folder / "epochs.jsonl"), all);
  }
}

TEST(Resume, StoppedAtEveryStepItEndsWithTheSameBytes) {
  const auto config = rough_config();
  const auto expected = finish(scratch_folder("whole"), config);
  const auto folder = scratch_folder("stopped");
  std::atomic<bool> stop{false};
  AtStep progress([&](const ProgressStep&) { stop = true; });
  for (int stops = 0;; ++stops) {
    stop = false;
    try {
      expect_same(finish(folder, config, &progress, &stop), expected, "stopped at every step");
      EXPECT_EQ(stops, config.epochs * kStepsPerEpoch);
      return;
    } catch (const Interrupted&) {
      ASSERT_LT(stops, 100);
    }
  }
}

TEST(Resume, EarlyStopAndPatienceSurviveAStop) {
  auto config = rough_config();
  config.epochs = 40;
  config.early_stop = 2;
  const auto expected = finish(scratch_folder("whole"), config);
  const auto folder = scratch_folder("stopped");
  std::atomic<bool> stop{false};
  std::int64_t done = 0;
  AtStep progress([&](const ProgressStep&) { stop = ++done % 7 == 0; });
  for (int tries = 0; tries < 100; ++tries) {
    stop = false;
    try {
      expect_same(finish(folder, config, &progress, &stop), expected, "early stop");
      return;
    } catch (const Interrupted&) {
    }
  }
  FAIL() << "never ended";
}

/// Runs `action` in a child and waits for its end. One thread only, so that a fork is safe.
int run_child(const std::function<void()>& action) {
  const pid_t child = ::fork();
  if (child == 0) {
    try {
      action();
      ::_exit(0);
    } catch (...) {
      ::_exit(1);
    }
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return status;
}

/// Trains in a child that is killed right after step k.
void kill_after(std::int64_t k, const std::filesystem::path& folder, const TrainConfig& config) {
  const int status = run_child([&] {
    std::int64_t done = 0;
    AtStep progress([&](const ProgressStep&) {
      if (++done == k) ::raise(SIGKILL);
    });
    (void)finish(folder, config, &progress);
  });
  ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << "step " << k;
}

TEST(Resume, KilledAfterAnyStepItEndsWithTheSameBytes) {
  auto config = rough_config();
  config.save_seconds = 0;
  const auto expected = finish(scratch_folder("whole"), config);
  for (const std::int64_t k : {1, 3, 4, 5, 8, 10, 15, 16, 20}) {
    const auto folder = scratch_folder("killed");
    kill_after(k, folder, config);
    EXPECT_FALSE(std::filesystem::exists(folder / "model.safetensors"));
    expect_same(finish(folder, config), expected, "killed after step " + std::to_string(k));
  }
}

TEST(Resume, KilledInTheMiddleOfAWriteItEndsWithTheSameBytes) {
  auto config = rough_config();
  config.save_seconds = 1e-9;  // a state after every step
  const auto expected = finish(scratch_folder("whole"), config);
  // The kernel kills a process that writes beyond its limit: in the middle of the first best weights (which are
  // smaller), of the first state, of a later state (the progress in it grows with the epochs; the digits of its times
  // vary by a few bytes).
  const auto folder = scratch_folder("sizes");
  (void)finish(folder, config);
  const auto best = std::filesystem::file_size(folder / "state" / "best.safetensors");
  const auto last = std::filesystem::file_size(folder / "state" / "last.safetensors");
  ASSERT_LT(best, last);
  for (const auto limit : {std::uintmax_t(10), best / 2, best - 1, best + 1, last - 1000, last - 400, last - 200}) {
    const auto killed = scratch_folder("killed");
    const int status = run_child([&] {
      const rlimit bytes{limit, limit};
      ::setrlimit(RLIMIT_FSIZE, &bytes);
      (void)finish(killed, config);
    });
    ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGXFSZ) << "limit " << limit << " status " << status;
    expect_same(finish(killed, config), expected, "killed at byte " + std::to_string(limit));
    for (const auto& entry : std::filesystem::directory_iterator(killed / "state"))
      EXPECT_NE(entry.path().extension(), ".tmp") << "half-written files are removed by the next run";
  }
}

TEST(Resume, KilledAtArbitraryTimesItEndsWithTheSameBytes) {
  auto config = rough_config();
  config.save_seconds = 1e-9;
  const auto expected = finish(scratch_folder("whole"), config);
  const auto folder = scratch_folder("killed");
  int kills = 0;
  // Each child gets a little longer, so that kills fall all over the run, many of them into writes.
  for (useconds_t wait = 3000; wait < 10'000'000; wait += wait / 3) {
    const pid_t child = ::fork();
    if (child == 0) {
      try {
        (void)finish(folder, config);
        ::_exit(0);
      } catch (...) {
        ::_exit(1);
      }
    }
    ::usleep(wait);
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    if (WIFEXITED(status)) {
      EXPECT_EQ(WEXITSTATUS(status), 0);
      break;
    }
    ++kills;
  }
  EXPECT_GE(kills, 1);
  expect_same(finish(folder, config), expected, "killed " + std::to_string(kills) + " times");
}

/// Goes back to its best epoch several times; states are saved at few epochs, so that a kill loses some.
TrainConfig reloading_config() {
  auto config = rough_config();
  config.epochs = 14;
  config.schedule = Schedule::reload;
  config.patience = 0;
  config.decay = 0.5;
  config.trials = 5;
  config.save_every = 4;
  config.save_seconds = 0;
  return config;
}

/// Lines that tell of a reload.
class Reloads final : public Progress {
 public:
  void step(const ProgressStep&) override {}
  void line(const std::string& text) override { count += text.find("back to the weights of epoch") != text.npos; }
  int count = 0;
};

TEST(Resume, StoppedOrKilledAmongReloadsItEndsWithTheSameBytes) {
  const auto config = reloading_config();
  Reloads reloads;
  const auto expected = finish(scratch_folder("whole"), config, &reloads);
  ASSERT_GE(reloads.count, 3) << "the test needs reloads";
  std::int64_t steps = 0;
  AtStep counting([&](const ProgressStep&) { ++steps; });
  (void)finish(scratch_folder("counted"), config, &counting);
  for (std::int64_t k = 1; k < steps; ++k) {
    const auto stopped = scratch_folder("stopped");
    std::atomic<bool> stop{false};
    std::int64_t done = 0;
    AtStep progress([&](const ProgressStep&) { stop = ++done == k; });
    EXPECT_THROW((void)finish(stopped, config, &progress, &stop), Interrupted);
    expect_same(finish(stopped, config), expected, "stopped after step " + std::to_string(k));
    const auto killed = scratch_folder("killed");
    kill_after(k, killed, config);
    expect_same(finish(killed, config), expected, "killed after step " + std::to_string(k));
  }
}

TEST(Resume, KilledInTheMiddleOfTheBestStateItEndsWithTheSameBytes) {
  const auto config = reloading_config();
  const auto expected = finish(scratch_folder("whole"), config);
  const auto sizes = scratch_folder("sizes");
  (void)finish(sizes, config);
  std::vector<std::uintmax_t> limits;
  for (const char* name : {"best.safetensors", "best_optimizer.safetensors"})
    for (const auto share : {2, 1}) limits.push_back(std::filesystem::file_size(sizes / "state" / name) / share - 1);
  for (const auto limit : limits) {
    const auto killed = scratch_folder("killed");
    const int status = run_child([&] {
      const rlimit bytes{limit, limit};
      ::setrlimit(RLIMIT_FSIZE, &bytes);
      (void)finish(killed, config);
    });
    ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGXFSZ) << "limit " << limit << " status " << status;
    expect_same(finish(killed, config), expected, "killed at byte " + std::to_string(limit));
  }
}

TEST(Resume, AStateOfAnotherRunIsRefused) {
  const auto folder = scratch_folder("run");
  (void)finish(folder, rough_config());
  auto config = rough_config();
  config.lr = 0.1;
  EXPECT_THAT(error_of<CheckpointError>([&] { (void)finish(folder, config); }), HasSubstr("state of another run"));
  auto task = toy_task();
  task.identity = "other data";
  EXPECT_THAT(error_of<CheckpointError>([&] { (void)train(task, rough_config(), 11, {.state = folder / "state"}); }),
              HasSubstr("other data"));
}

TEST(Resume, DamagedStateNamesTheFile) {
  const auto folder = scratch_folder("run");
  (void)finish(folder, rough_config());
  const auto path = folder / "state" / "last.safetensors";
  const auto bytes = read_file(path);
  write_file(path, bytes.substr(0, bytes.size() / 2));
  EXPECT_THAT(error_of<CheckpointError>([&] { (void)finish(folder, rough_config()); }),
              testing::AllOf(HasSubstr("last.safetensors"), HasSubstr("delete the folder of this file to begin")));
}

TEST(Resume, DamagedBestWeightsAreFoundBeforeTheTrainingGoesOn) {
  const auto folder = scratch_folder("run");
  std::atomic<bool> stop{false};
  std::int64_t done = 0;
  AtStep progress([&](const ProgressStep&) { stop = ++done == 2 * kStepsPerEpoch + 1; });
  EXPECT_THROW((void)finish(folder, rough_config(), &progress, &stop), Interrupted);
  const auto path = folder / "state" / "best.safetensors";
  const auto bytes = read_file(path);
  stop = false;
  done = 0;
  for (const bool is_gone : {false, true}) {
    write_file(path, bytes.substr(0, bytes.size() - 9));
    if (is_gone) std::filesystem::remove(path);
    EXPECT_THAT(error_of<CheckpointError>([&] { (void)finish(folder, rough_config(), &progress); }),
                testing::AllOf(HasSubstr("best.safetensors"), HasSubstr("to begin this task again")));
  }
  EXPECT_EQ(done, 0);
}

}  // namespace
}  // namespace kuda
