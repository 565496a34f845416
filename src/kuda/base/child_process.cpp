#include "kuda/base/child_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "kuda/base/error.h"

namespace kuda {
namespace {

/// Tells a child whose end is its own. The child asks for that itself, because posix_spawn cannot.
constexpr const char* kParentVariable = "KUDA_STOP_WITH_PROCESS";

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> list;
  for (auto& text : texts) list.push_back(text.data());
  list.push_back(nullptr);
  return list;
}

std::vector<std::string> environment_with(std::map<std::string, std::string> changes, bool stops_with_parent) {
  if (stops_with_parent) changes[kParentVariable] = std::to_string(::getpid());
  std::vector<std::string> variables;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string text = *variable;
    if (!changes.contains(text.substr(0, text.find('=')))) variables.push_back(text);
  }
  for (const auto& [name, value] : changes) variables.push_back(name + "=" + value);
  return variables;
}

int exit_code(int status) { return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status); }

}  // namespace

std::optional<pid_t> start_process(std::vector<std::string> words, const ProcessOptions& options) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  if (options.output_descriptor >= 0)
    posix_spawn_file_actions_adddup2(&actions, options.output_descriptor, STDOUT_FILENO);
  else
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, options.output.c_str(), O_WRONLY | O_CREAT | O_APPEND,
                                     0644);
  posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
  if (!options.folder.empty()) posix_spawn_file_actions_addchdir_np(&actions, options.folder.c_str());
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  if (options.own_group) {
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    posix_spawnattr_setpgroup(&attributes, 0);
  }
  const std::string program = options.program.empty() ? words.at(0) : options.program.string();
  auto variables = environment_with(options.environment, options.stops_with_parent);
  pid_t child = -1;
  const int failure =
      posix_spawnp(&child, program.c_str(), &actions, &attributes, pointers(words).data(), pointers(variables).data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (failure == ENOENT) return std::nullopt;
  if (failure != 0) throw Error(fmt::format("{} cannot be started: {}", program, std::strerror(failure)));
  return child;
}

void stop_with_parent() {
  const char* variable = std::getenv(kParentVariable);
  if (variable == nullptr) return;
  const std::string parent = variable;
  ::unsetenv(kParentVariable);  // not for the children of this process
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  // It may have ended while this process was loaded. Nothing is begun yet, so nothing is lost.
  if (std::to_string(::getppid()) != parent) ::raise(SIGTERM);
}

int wait_for(pid_t child) {
  int status = 0;
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR) throw Error(fmt::format("process {}: {}", child, std::strerror(errno)));
  return exit_code(status);
}

std::optional<std::pair<pid_t, int>> ended_child() {
  int status = 0;
  const auto child = waitpid(-1, &status, WNOHANG);
  if (child <= 0) return std::nullopt;
  return std::pair(child, exit_code(status));
}

}  // namespace kuda
