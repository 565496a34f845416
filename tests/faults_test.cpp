// What goes wrong around the program: output that cannot be written, signals, folders without permission, terminals.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <sstream>
#include <string>
#include <thread>

#include "kuda/base/file.h"
#include "kuda/base/folder.h"
#include "kuda/checkpoint/small_encoder.h"
#include "tests/program.h"

namespace kuda::test {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

/// Whether `when` holds within a minute.
bool soon(const std::function<bool()>& when) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!when()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

/// Clips, an encoder and one trained model for all tests of this suite.
class Faults : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = std::make_unique<TemporaryFolder>();
    write_small_encoder(*folder_ / "bert", 2, 16);
    run_kuda({"data", "synth", "clips", "--train", "16", "--valid", "6", "--test", "6"}, folder_->path());
    outcome_ = run_kuda({"train", "-d", "clips", "-m", "tfn", "-s", "1", "--encoder", "bert", "--set", "train.epochs=1",
                         "--out", "runs/tfn/1"},
                        folder_->path());
  }
  static void TearDownTestSuite() { folder_.reset(); }
  void SetUp() override { ASSERT_EQ(outcome_.exit_code, 0) << outcome_.err; }
  static Outcome shell(const std::string& command) { return run_shell(command, folder_->path()); }
  static std::string text_of(const std::string& file) { return read_file(folder_->path() / file); }

  static std::unique_ptr<TemporaryFolder> folder_;
  static Outcome outcome_;
};
std::unique_ptr<TemporaryFolder> Faults::folder_;
Outcome Faults::outcome_;

TEST_F(Faults, RowsThatDoNotFitOnTheDiskAreAnError) {
  for (const char* verb :
       {"--version", "--help", "models", "config", "data inspect clips", "data check clips",
        "predict runs/tfn/1 -d clips", "evaluate runs/tfn/1 -d clips --json", "report runs --out r"}) {
    const auto run = shell("kuda " + std::string(verb) + " > /dev/full");
    EXPECT_EQ(run.exit_code, 1) << verb;
    EXPECT_THAT(run.err, HasSubstr("kuda: stdout: cannot be written: No space left on device")) << verb;
  }
  const auto closed = shell("kuda models >&-");
  EXPECT_EQ(closed.exit_code, 1);
  EXPECT_THAT(closed.err, HasSubstr("kuda: stdout: "));
}

// The reader is gone before anything is written. SIGPIPE ends a program without a word; where somebody told it to
// ignore that signal (Python's subprocess did for long), it ends the same way.
TEST_F(Faults, AReaderThatHasGoneIsNoError) {
  for (const std::string ignored : {"", "trap '' PIPE; "}) {
    const auto run = shell("rm -f pipe; mkfifo pipe; sleep 60 < pipe & exec 3> pipe; kill $!; wait $! || true; " +
                           ignored + "kuda models >&3");
    EXPECT_EQ(run.exit_code, 128 + SIGPIPE);
    EXPECT_THAT(run.err, Not(HasSubstr("kuda: ")));
  }
}

TEST_F(Faults, AFileOverTheLimitOfTheShellIsNamed) {
  const auto file = shell("ulimit -f 4; kuda data synth big --train 60 --valid 20 --test 20");
  EXPECT_EQ(file.exit_code, 1) << file.err;
  EXPECT_THAT(file.err, AllOf(HasSubstr("big"), HasSubstr("File too large")));
  const auto out = shell("ulimit -f 1; kuda config > config.toml");
  EXPECT_EQ(out.exit_code, 1);
  EXPECT_THAT(out.err, HasSubstr("stdout: cannot be written: File too large"));
}

TEST_F(Faults, AnOutFileThatIsADeviceStaysOne) {
  const auto run = shell(
      "rm -f pipe; mkfifo pipe; timeout 60 cat pipe > copy.csv & kuda predict runs/tfn/1 -d clips --out pipe; wait");
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_TRUE(fs::is_fifo(folder_->path() / "pipe")) << "a file was put in its place";
  EXPECT_EQ(text_of("copy.csv"), shell("kuda predict runs/tfn/1 -d clips").out);
}

/// A run that takes as long as it is let, in a process of its own.
std::vector<std::string> endless(const std::string& out) {
  return {"train", "-d", "clips", "-m", "tfn", "--encoder", "bert", "--set", "train.epochs=200000", "--out", out};
}

TEST_F(Faults, AClosedTerminalAndABatchSystemsNoticeSaveAsSigtermDoes) {
  for (const int signal : {SIGHUP, SIGUSR1, SIGXCPU}) {
    const auto name = "signal-" + std::to_string(signal);
    Process process(endless(name), folder_->path());
    const auto state = folder_->path() / name / "state/last.safetensors";
    ASSERT_TRUE(soon([&] { return fs::exists(state); }));
    process.send(signal);
    const auto run = process.wait();
    EXPECT_EQ(run.exit_code, 6) << name;
    EXPECT_THAT(run.err, HasSubstr("stopped"));
    EXPECT_TRUE(fs::exists(state));
  }
}

TEST_F(Faults, NohupKeepsItsMeaning) {
  const auto run = shell(
      "nohup kuda " +
      [] {
        std::string words;
        for (const auto& word : endless("nohup")) words += word + " ";
        return words;
      }() +
      " > /dev/null 2>&1 & until test -e nohup/state/last.safetensors; do sleep 0.05; done; kill -HUP $!; "
      "before=$(stat -c %Y.%i nohup/state/last.safetensors); for i in $(seq 200); do sleep 0.05; "
      "test $before != $(stat -c %Y.%i nohup/state/last.safetensors) && break; done; kill -TERM $!; "
      "test $before != $(stat -c %Y.%i nohup/state/last.safetensors) && echo it went on; wait $! || echo code $?");
  EXPECT_THAT(run.out, AllOf(HasSubstr("it went on"), HasSubstr("code 6"))) << run.err;
}

/// A grid of a run for each seed, in FOLDER/grid.toml.
std::vector<std::string> grid(const fs::path& folder, int epochs, const std::string& seeds) {
  std::ofstream(folder / "tfn.toml") << "model = \"tfn\"\n[train]\nbatch_size = 4\nepochs = " << epochs << "\n";
  std::ofstream(folder / "grid.toml") << "title = \"two\"\nseeds = [" + seeds +
                                             "]\nmodels = [\"tfn\"]\n[[data]]\nname = \"a\"\n"
                                             "config = \"{model}.toml\"\n[[variants]]\nname = \"\"\n";
  return {"experiment", "grid.toml", "-d", "a=clips", "--encoder", "bert", "--out", "grid-" + std::to_string(epochs)};
}

bool is_free(const fs::path& log) { return FileLock::try_to_lock(log) != nullptr; }

TEST_F(Faults, AKilledExperimentTakesItsRunsAlongAndGoesOn) {
  const auto words = grid(folder_->path(), 200000, "1");
  const auto out = folder_->path() / "grid-200000";
  const auto is_saved = [&] { return fs::exists(out / "a/tfn/1/state/last.safetensors"); };
  {
    Process killed(words, folder_->path());
    ASSERT_TRUE(soon(is_saved));
    killed.send(SIGKILL);
    EXPECT_EQ(killed.wait().exit_code, 128 + SIGKILL);
  }
  Process again(words, folder_->path());  // at once: what the first one started may still be saving
  ASSERT_TRUE(soon([&] { return read_file(out / "logs/a-tfn-1.log").find("continued") != std::string::npos; }))
      << read_file(out / "logs/a-tfn-1.log");
  again.send(SIGTERM);
  const auto run = again.wait();
  EXPECT_EQ(run.exit_code, 6) << run.out << run.err;
  EXPECT_THAT(run.out, AllOf(HasSubstr("stopped"), Not(HasSubstr("FAILED"))));
  EXPECT_TRUE(is_free(out / "logs/a-tfn-1.log"));
}

TEST_F(Faults, NothingOfAKilledExperimentRunsOn) {
  const auto words = grid(folder_->path(), 200001, "1");
  const auto out = folder_->path() / "grid-200001";
  {
    Process killed(words, folder_->path());
    ASSERT_TRUE(soon([&] { return fs::exists(out / "a/tfn/1/state/last.safetensors"); }));
    EXPECT_FALSE(is_free(out / "logs/a-tfn-1.log"));
    killed.send(SIGKILL);
    (void)killed.wait();
  }
  EXPECT_TRUE(soon([&] { return is_free(out / "logs/a-tfn-1.log"); })) << "its run is still running";
}

TEST_F(Faults, TwoExperimentsInOneFolderShareTheWork) {
  const auto words = grid(folder_->path(), 1, "1, 2");
  const auto out = folder_->path() / "grid-1";
  fs::create_directories(out / "logs");
  auto other = FileLock::try_to_lock(out / "logs/a-tfn-1.log");  // as another experiment that works on this run
  Process process(words, folder_->path());
  ASSERT_TRUE(soon([&] { return fs::exists(out / "a/tfn/2/metrics.json"); }));
  EXPECT_FALSE(fs::exists(out / "a/tfn/1"));
  other.reset();
  const auto run = process.wait();
  EXPECT_EQ(run.exit_code, 0) << run.out << run.err;
  EXPECT_THAT(run.out, AllOf(HasSubstr("a/tfn/1: another process works on it: grid-1/logs/a-tfn-1.log is locked"),
                             HasSubstr("2 of 2 finished")));
  EXPECT_TRUE(fs::exists(out / "a/tfn/1/metrics.json"));
}

/// A shell command as a user whom permissions bind; empty where this process is root and cannot become another one.
std::string as_user(const std::string& command) {
  if (::geteuid() != 0) return command;
  const std::string prefix = "setpriv --reuid=65534 --regid=65534 --clear-groups ";
  return run_shell(prefix + "kuda --version", fs::temp_directory_path()).exit_code == 0 ? prefix + command : "";
}

TEST_F(Faults, WhatMayNotBeReadOrWrittenIsNamed) {
  if (as_user("x").empty()) GTEST_SKIP() << "root may read everything, and another user cannot start the program here";
  shell("cp -r runs closed; mkdir -m 700 closed/tfn/locked; cp -r runs half; chmod 000 half/tfn/1/predictions.csv");
  if (::geteuid() != 0) shell("chmod 000 closed/tfn/locked");
  const auto found = shell(as_user("kuda report closed --out /dev/null/r"));
  EXPECT_EQ(found.exit_code, 4);
  EXPECT_THAT(found.err,
              AllOf(HasSubstr("closed/tfn/locked"), HasSubstr("Permission denied"), Not(HasSubstr("unexpected"))));
  const auto file = shell(as_user("kuda report half --out /dev/null/r"));
  EXPECT_EQ(file.exit_code, 4);
  EXPECT_THAT(file.err, AllOf(HasSubstr("half/tfn/1/predictions.csv"), HasSubstr("Permission denied")));
  shell("cp -r runs/tfn/1/model model; chmod 700 model; mkdir -m 555 fixed");
  if (::geteuid() != 0) shell("chmod 000 model");
  const auto model = shell(as_user("kuda predict model -d clips"));
  EXPECT_EQ(model.exit_code, 5);
  EXPECT_THAT(model.err, AllOf(HasSubstr("kuda: model"), HasSubstr("Permission denied"), Not(HasSubstr("unexpected"))));
  const auto out = shell(as_user("kuda train -d clips -m tfn --encoder bert --out fixed/run"));
  EXPECT_EQ(out.exit_code, 1);
  EXPECT_THAT(out.err,
              AllOf(HasSubstr("kuda: fixed/run"), HasSubstr("Permission denied"), Not(HasSubstr("unexpected"))));
  const auto data = shell("mkdir -p data; cp -r clips data; chmod 700 data");
  if (::geteuid() != 0) shell("chmod 000 data");
  const auto inspected = shell(as_user("kuda data inspect data/clips"));
  EXPECT_EQ(inspected.exit_code, 4);
  EXPECT_THAT(inspected.err,
              AllOf(HasSubstr("data/clips"), HasSubstr("Permission denied"), Not(HasSubstr("unexpected"))));
  shell("chmod -R u+rwX closed half model fixed data");
}

/// What a command draws on a terminal of 40 columns.
std::string drawn(const fs::path& folder, const std::string& kind) {
  const auto run =
      run_shell("TERM=" + kind + " script -qec 'stty cols 40; kuda predict runs/tfn/1 -d clips --out p.csv' " +
                    "drawn-" + kind + " > /dev/null",
                folder);
  EXPECT_EQ(run.exit_code, 0) << run.err;
  return read_file(folder / ("drawn-" + kind));
}

TEST_F(Faults, TheBarFitsTheTerminalAndADumbOneGetsNone) {
  if (shell("script -qec true /dev/null > /dev/null").exit_code != 0) GTEST_SKIP() << "script is absent: no terminal";
  std::stringstream pieces(drawn(folder_->path(), "xterm"));
  std::size_t bars = 0;
  for (std::string piece; std::getline(pieces, piece, '\r');) {
    if (piece.find("step ") == std::string::npos) continue;
    ++bars;
    EXPECT_LT(piece.substr(piece.find("\033[K") + 3).size(), 40U) << piece;
  }
  EXPECT_GT(bars, 0U);
  EXPECT_THAT(drawn(folder_->path(), "dumb"), Not(HasSubstr("\033")));
}

}  // namespace
}  // namespace kuda::test
