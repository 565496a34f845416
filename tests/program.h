#pragma once
// Runs the built program as a user would: its own process, arguments, both outputs, exit code.
//
//   const Outcome run = run_kuda({"data", "inspect", "mosi.pkl"});
//   EXPECT_EQ(run.exit_code, 0) << run.err;

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

namespace kuda::test {

struct Outcome {
  int exit_code = -1;  ///< 128 + signal when a signal ended it, as a shell counts
  std::string out, err;
};

/// The built program, in `folder` (empty: the current one).
Outcome run_kuda(const std::vector<std::string>& arguments, const std::filesystem::path& folder = {});

/// A shell command; `kuda` is found through PATH.
Outcome run_shell(const std::string& command, const std::filesystem::path& folder);

/// A program that is still running; it is killed when this goes out of scope.
class Process {
 public:
  explicit Process(const std::vector<std::string>& arguments, const std::filesystem::path& folder = {});
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process();
  void send(int signal);
  [[nodiscard]] bool is_running();
  Outcome wait();

 private:
  friend Outcome run_shell(const std::string&, const std::filesystem::path&);
  Process() = default;
  void start(const std::vector<std::string>& words, const std::filesystem::path& folder);
  pid_t pid_ = -1;
  int status_ = 0;
  std::filesystem::path out_, err_;
};

/// A fresh folder for the running test, removed at the end of the program unless the test failed.
class TemporaryFolder {
 public:
  TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder();
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
  [[nodiscard]] std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

}  // namespace kuda::test
