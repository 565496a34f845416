#pragma once
// What the tests of every folder share: where files are found, where they may be written, what an action threw.

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "kuda/base/error.h"
#include "kuda/base/log.h"

namespace kuda::test {

/// A file of tests/data.
inline std::filesystem::path data_file(const std::string& name) {
  return std::filesystem::path(KUDA_SOURCE_DIR) / "tests/data" / name;
}

/// A file of the collection of golden facts and real data beside the repository (KUDA_SHARED); it may be absent.
inline std::filesystem::path shared_file(const std::string& name) {
  const char* folder = std::getenv("KUDA_SHARED");
  return (folder != nullptr ? std::filesystem::path(folder) : std::filesystem::path(KUDA_SOURCE_DIR) / "../shared") /
         name;
}

/// A folder of this process alone, removed at its end: the tests of one program run side by side in several processes.
inline const std::filesystem::path& process_folder() {
  struct Folder {
    Folder() : owner(::getpid()) {
      path = std::filesystem::path(testing::TempDir()) / ("kuda-test-" + std::to_string(owner));
      std::filesystem::remove_all(path);
      std::filesystem::create_directories(path);
    }
    ~Folder() {
      std::error_code ignored;
      if (::getpid() == owner) std::filesystem::remove_all(path, ignored);  // not in a forked child
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    pid_t owner;
    std::filesystem::path path;
  };
  static const Folder folder;
  return folder.path;
}

/// A path in the running test's own folder, which is empty at first.
inline std::filesystem::path scratch(const std::string& name) {
  const auto* info = testing::UnitTest::GetInstance()->current_test_info();
  std::string test = std::string(info->test_suite_name()) + "." + info->name();
  for (auto& c : test) c = c == '/' ? '.' : c;  // of parameterised tests
  const auto folder = process_folder() / test;
  std::filesystem::create_directories(folder);
  return folder / name;
}

/// The same as an existing, empty folder.
inline std::filesystem::path scratch_folder(const std::string& name) {
  const auto folder = scratch(name);
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  return folder;
}

/// Catches what is logged while it lives.
class CaughtLog {
 public:
  CaughtLog() : before_(set_log_sink([this](LogLevel, const std::string& message) { text_ += message + "\n"; })) {}
  CaughtLog(const CaughtLog&) = delete;
  CaughtLog& operator=(const CaughtLog&) = delete;
  ~CaughtLog() { set_log_sink(before_); }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string text_;
  LogSink before_;
};

/// The message of the E that `action` throws; a failure when it throws none.
template <class E, class Action>
std::string error_of(Action action) {
  try {
    action();
  } catch (const E& error) {
    return error.what();
  }
  ADD_FAILURE() << "no error of the expected kind";
  return {};
}

}  // namespace kuda::test
