#pragma once
// A program of our own in a process of its own, its output in a file.

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace kuda {

/// Starts this very program with `arguments`; stdout and stderr go to the end of `log`. `threads` > 0 sets
/// OMP_NUM_THREADS for it. It has a process group of its own, so that a Ctrl-C reaches it only through its parent.
/// Throws Error when it cannot be started.
[[nodiscard]] pid_t start_program(const std::vector<std::string>& arguments, const std::filesystem::path& log,
                                  int threads);

/// A child that has ended, with its exit code (128 + signal where a signal ended it, as a shell counts); nothing while
/// all are running.
[[nodiscard]] std::optional<std::pair<pid_t, int>> ended_child();

}  // namespace kuda
