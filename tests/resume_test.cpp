// A run that is killed or stopped and started again ends with the same bytes as one that was not. The whole program,
// both stages, real signals.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <functional>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "kuda/checkpoint/small_encoder.h"
#include "tests/program.h"

namespace kuda::test {
namespace {

namespace fs = std::filesystem;

std::string read(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  std::stringstream content;
  content << stream.rdbuf();
  return content.str();
}

class Resume : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = std::make_unique<TemporaryFolder>();
    write_small_encoder(*folder_ / "bert", 6, 32);
    run_kuda({"data", "synth", "clips", "--train", "24", "--valid", "6", "--test", "6"}, folder_->path());
    outcome_ = run_kuda(training("whole"), folder_->path());
  }
  static void TearDownTestSuite() { folder_.reset(); }
  void SetUp() override { ASSERT_EQ(outcome_.exit_code, 0) << outcome_.err; }

  /// Small batches and a saved state at every epoch give a signal many places to fall into.
  static std::vector<std::string> training(const std::string& out) {
    return {"train",
            "-d",
            "clips",
            "--encoder",
            "bert",
            "--out",
            out,
            "--set",
            "train.epochs=4",
            "--set",
            "pretrain.epochs=2",
            "--set",
            "kuda.blocks=1",
            "--set",
            "train.batch_size=4",
            "--set",
            "pretrain.batch_size=4",
            "--set",
            "train.schedule=shifted"};
  }

  /// Starts the training and sends `signal` once `when` holds; returns how it ended.
  static Outcome interrupt(const std::string& out, int signal, const std::function<bool(const fs::path&)>& when) {
    Process process(training(out), folder_->path());
    while (process.is_running() && !when(folder_->path() / out))
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    process.send(signal);
    return process.wait();
  }

  static void expect_same_as_whole(const std::string& out) {
    const Outcome run = run_kuda(training(out), folder_->path());
    ASSERT_EQ(run.exit_code, 0) << run.err;
    for (const char* file : {"model/model.safetensors", "last/model.safetensors", "predictions.csv", "metrics.json",
                             "pretrain/text/model/model.safetensors"})
      EXPECT_TRUE(read(folder_->path() / out / file) == read(folder_->path() / "whole" / file))
          << file << " differs from that of the run that was not interrupted";
  }

  static std::unique_ptr<TemporaryFolder> folder_;
  static Outcome outcome_;
};
std::unique_ptr<TemporaryFolder> Resume::folder_;
Outcome Resume::outcome_;

TEST_F(Resume, AKillInStageOneCostsNothing) {
  interrupt("killed1", SIGKILL,
            [](const fs::path& out) { return fs::exists(out / "pretrain/text/state/last.safetensors"); });
  expect_same_as_whole("killed1");
}

TEST_F(Resume, AKillBetweenTheStagesCostsNothing) {
  interrupt("killed2", SIGKILL, [](const fs::path& out) { return fs::exists(out / "pretrain/vision/metrics.json"); });
  expect_same_as_whole("killed2");
}

TEST_F(Resume, AKillInStageTwoCostsNothing) {
  interrupt("killed3", SIGKILL, [](const fs::path& out) { return fs::exists(out / "state/last.safetensors"); });
  expect_same_as_whole("killed3");
}

// The temporary file of an atomic write exists only while it is being written.
TEST_F(Resume, AKillDuringAWriteLeavesTheOldStateOrTheNew) {
  const auto is_writing = [](const fs::path& out) {
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(out / "state", ignored)) {
      const auto name = entry.path().filename().string();
      if (name != "last.safetensors" && name != "best.safetensors") return true;
    }
    return false;
  };
  interrupt("killed4", SIGKILL, is_writing);
  expect_same_as_whole("killed4");
}

TEST_F(Resume, SigtermFinishesTheStepSavesAndExitsWithCode6) {
  const Outcome stopped =
      interrupt("stopped", SIGTERM, [](const fs::path& out) { return fs::exists(out / "state/last.safetensors"); });
  EXPECT_EQ(stopped.exit_code, 6) << stopped.err;
  EXPECT_TRUE(fs::exists(folder_->path() / "stopped/state/last.safetensors"));
  expect_same_as_whole("stopped");
}

TEST_F(Resume, AFinishedRunIsNotDoneAgain) {
  const auto before = fs::last_write_time(folder_->path() / "whole/model/model.safetensors");
  const Outcome again = run_kuda(training("whole"), folder_->path());
  EXPECT_EQ(again.exit_code, 0) << again.err;
  EXPECT_EQ(again.out, outcome_.out);
  EXPECT_EQ(fs::last_write_time(folder_->path() / "whole/model/model.safetensors"), before);
}

}  // namespace
}  // namespace kuda::test
