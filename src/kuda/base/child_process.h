#pragma once
// Another program in a process of its own, its output in a file.
//
//   const auto child = start_process({"gnuplot", "plot.gp"}, {.folder = work, .output = work / "messages"});
//   if (child && wait_for(*child) != 0) ...

#include <sys/types.h>

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace kuda {

struct ProcessOptions {
  std::filesystem::path program{};  ///< empty: the first word, looked up in PATH
  std::filesystem::path folder{};   ///< to run in; empty: the current one
  std::filesystem::path output{};   ///< stdout and stderr go to the end of this file, relative to the current folder
  int output_descriptor = -1;       ///< or, where it is not -1, to this one
  std::map<std::string, std::string> environment{};  ///< variables to set, besides those of this process
  bool own_group = false;          ///< a Ctrl-C on the terminal then reaches it only through its parent
  bool stops_with_parent = false;  ///< of this very program: it calls stop_with_parent
};

/// Nothing when there is no such program. stdin is empty. Throws Error when it cannot be started otherwise.
[[nodiscard]] std::optional<pid_t> start_process(std::vector<std::string> words, const ProcessOptions& options);

/// Of a child with `stops_with_parent`, as the first thing: however its parent ends, killed too, it gets SIGTERM.
/// Nothing happens in any other process.
void stop_with_parent();

/// Waits for its end: the exit code, 128 + signal where a signal ended it, as a shell counts.
[[nodiscard]] int wait_for(pid_t child);

/// Any child that has ended, with its exit code; nothing while all are running.
[[nodiscard]] std::optional<std::pair<pid_t, int>> ended_child();

}  // namespace kuda
