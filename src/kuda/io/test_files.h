#pragma once
// Where the tests of io/ find their files.

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "kuda/base/error.h"

namespace kuda::io::test {

/// A file of tests/data.
inline std::filesystem::path data_file(const std::string& name) {
  return std::filesystem::path(KUDA_SOURCE_DIR) / "tests/data" / name;
}

/// The folder of golden facts beside the repository; it may be absent.
inline std::filesystem::path shared_folder() {
  const char* folder = std::getenv("KUDA_SHARED");
  return folder != nullptr ? std::filesystem::path(folder) : std::filesystem::path(KUDA_SOURCE_DIR) / "../shared";
}

/// A path in the test's own temporary folder.
inline std::filesystem::path scratch_file(const std::string& name) {
  const auto* info = testing::UnitTest::GetInstance()->current_test_info();
  const auto folder = std::filesystem::path(testing::TempDir()) / "kuda_io" / info->test_suite_name() / info->name();
  std::filesystem::create_directories(folder);
  return folder / name;
}

/// The message of the FormatError that `action` throws; a failure when it throws none.
template <class Action>
std::string format_error_of(Action action) {
  try {
    action();
  } catch (const FormatError& error) {
    return error.what();
  }
  ADD_FAILURE() << "no FormatError";
  return {};
}

}  // namespace kuda::io::test
