#include "tests/program.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <system_error>

namespace kuda::test {

namespace fs = std::filesystem;

namespace {

std::string content_of(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  std::stringstream content;
  content << stream.rdbuf();
  return content.str();
}

fs::path fresh_path(const char* kind) {
  static int counter = 0;
  return fs::temp_directory_path() /
         ("kuda-test-" + std::to_string(getpid()) + "-" + std::to_string(counter++) + "-" + kind);
}

}  // namespace

Process::Process(const std::vector<std::string>& arguments, const fs::path& folder) {
  std::vector<std::string> words{KUDA_PROGRAM};
  words.insert(words.end(), arguments.begin(), arguments.end());
  start(words, folder);
}

void Process::start(const std::vector<std::string>& words, const fs::path& folder) {
  out_ = fresh_path("out");
  err_ = fresh_path("err");
  std::vector<char*> argv;
  for (const auto& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  pid_ = fork();
  if (pid_ < 0) throw std::system_error(errno, std::generic_category(), "fork");
  if (pid_ == 0) {
    const int out = open(out_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    const int err = open(err_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    const int in = open("/dev/null", O_RDONLY);
    dup2(in, 0);
    dup2(out, 1);
    dup2(err, 2);
    if (!folder.empty() && chdir(folder.c_str()) != 0) _exit(126);
    execvp(argv[0], argv.data());
    _exit(127);
  }
}

Process::~Process() {
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    waitpid(pid_, &status_, 0);
  }
  std::error_code ignored;
  fs::remove(out_, ignored);
  fs::remove(err_, ignored);
}

void Process::send(int signal) {
  if (pid_ > 0) kill(pid_, signal);
}

bool Process::is_running() {
  if (pid_ > 0 && waitpid(pid_, &status_, WNOHANG) == pid_) pid_ = -1;
  return pid_ > 0;
}

Outcome Process::wait() {
  while (pid_ > 0)
    if (waitpid(pid_, &status_, 0) == pid_ || errno != EINTR) pid_ = -1;
  const int code = WIFSIGNALED(status_) ? 128 + WTERMSIG(status_) : WEXITSTATUS(status_);
  return {code, content_of(out_), content_of(err_)};
}

Outcome run_kuda(const std::vector<std::string>& arguments, const fs::path& folder) {
  return Process(arguments, folder).wait();
}

Outcome run_shell(const std::string& command, const fs::path& folder) {
  const std::string path = fs::path(KUDA_PROGRAM).parent_path().string() + ":" + std::getenv("PATH");
  Process process;
  process.start({"env", "PATH=" + path, "bash", "-euo", "pipefail", "-c", command}, folder);
  return process.wait();
}

TemporaryFolder::TemporaryFolder() : path_(fresh_path("folder")) { fs::create_directories(path_); }

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  if (!testing::Test::HasFailure()) fs::remove_all(path_, ignored);
}

}  // namespace kuda::test
