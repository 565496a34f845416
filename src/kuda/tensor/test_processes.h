#pragma once
// Work in several processes of this machine that form a group. For tests only.

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "kuda/base/file.h"
#include "kuda/base/test_support.h"
#include "kuda/tensor/process_group.h"

namespace kuda::testing_processes {

inline constexpr auto kPatience = std::chrono::seconds(120);  // never used up unless something is broken

/// A port that nobody uses, below those that the system gives to connections: tests beside this one, which open many,
/// could take another before process 0 does.
inline int free_port() {
  constexpr int kFirst = 20000, kCount = 12000;
  static int tried = int(::getpid()) * 37;
  for (int i = 0; i < kCount; ++i) {
    const int port = kFirst + tried++ % kCount;
    const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_ANY);
    const bool is_free = ::bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    ::close(socket);
    if (is_free) return port;
  }
  ADD_FAILURE() << "no free port";
  return 0;
}

using Variables = std::map<std::string, std::string>;

/// The environment while it lives, without what the tests may be started in.
class Environment {
 public:
  explicit Environment(const Variables& variables) {
    for (const char* name : {"WORLD_SIZE", "RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT", "GLOO_SOCKET_IFNAME",
                             "TORCHELASTIC_USE_AGENT_STORE"}) {
      if (const char* text = std::getenv(name)) before_[name] = text;
      ::unsetenv(name);
      names_.emplace_back(name);
    }
    for (const auto& [name, text] : variables) ::setenv(name.c_str(), text.c_str(), 1);
  }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;
  ~Environment() {
    for (const auto& name : names_) ::unsetenv(name.c_str());
    for (const auto& [name, text] : before_) ::setenv(name.c_str(), text.c_str(), 1);
  }

 private:
  std::vector<std::string> names_;
  Variables before_;
};

/// Does `action` in as many processes, which form a group. By rank: nothing, or the message of what it threw. One
/// thread only, so that a fork is safe.
inline std::vector<std::string> in_processes(int count, const std::function<void(const ProcessGroup&)>& action) {
  torch::set_num_threads(1);
  const auto port = std::to_string(free_port());
  const auto file_of = [](int rank) { return test::scratch("message-" + std::to_string(rank)); };
  std::vector<pid_t> children;
  for (int rank = 0; rank < count; ++rank) {
    const auto path = file_of(rank);
    std::filesystem::remove(path);
    children.push_back(::fork());
    if (children.back() > 0) continue;
    std::string message;
    try {
      const Environment environment({{"WORLD_SIZE", std::to_string(count)},
                                     {"RANK", std::to_string(rank)},
                                     {"MASTER_ADDR", "127.0.0.1"},
                                     {"MASTER_PORT", port}});
      action(*ProcessGroup::from_environment("cpu", kPatience));
    } catch (const std::exception& error) {
      message = error.what();
    }
    write_file(path, message);
    ::_exit(0);
  }
  std::vector<std::string> messages;
  for (int rank = 0; rank < count; ++rank) {
    int status = 0;
    ::waitpid(children[std::size_t(rank)], &status, 0);
    messages.push_back(std::filesystem::exists(file_of(rank)) ? read_file(file_of(rank))
                                                              : "ended with status " + std::to_string(status));
  }
  return messages;
}

}  // namespace kuda::testing_processes
