#include "kuda/apps/child_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "kuda/base/error.h"

namespace kuda {

pid_t start_program(const std::vector<std::string>& arguments, const std::filesystem::path& log, int threads) {
  std::vector<std::string> words{"kuda"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<std::string> environment;
  for (char** variable = environ; *variable != nullptr; ++variable)
    if (threads <= 0 || std::strncmp(*variable, "OMP_NUM_THREADS=", 16) != 0) environment.emplace_back(*variable);
  if (threads > 0) environment.push_back(fmt::format("OMP_NUM_THREADS={}", threads));
  const auto pointers = [](std::vector<std::string>& texts) {
    std::vector<char*> list;
    for (auto& text : texts) list.push_back(text.data());
    list.push_back(nullptr);
    return list;
  };
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  posix_spawnattr_setpgroup(&attributes, 0);
  pid_t child = -1;
  const int failure = posix_spawn(&child, "/proc/self/exe", &actions, &attributes, pointers(words).data(),
                                  pointers(environment).data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (failure != 0)
    throw Error(fmt::format("cannot start the program again (log {}): {}", log.string(), std::strerror(failure)));
  return child;
}

std::optional<std::pair<pid_t, int>> ended_child() {
  int status = 0;
  const auto child = waitpid(-1, &status, WNOHANG);
  if (child <= 0) return std::nullopt;
  return std::pair(child, WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
}

}  // namespace kuda
