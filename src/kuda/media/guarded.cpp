#include "kuda/media/guarded.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "kuda/base/error.h"

namespace kuda {
namespace {

enum class Kind : std::uint32_t { message, failure, end };
struct Header {
  Kind kind;
  std::uint64_t size;
};
/// A child whose memory is damaged may say anything; the largest picture there is takes less.
constexpr std::uint64_t kLongestMessage = std::uint64_t{1} << 28;
constexpr int kPipeBytes = 1 << 20;  // the system's 64 KiB cut a picture into many pieces, each a change of processes
constexpr int kChildPipe = 3;

// ---- in the child ----

void write_all(const void* bytes, std::size_t size) {
  const auto* at = static_cast<const char*>(bytes);
  while (size > 0) {
    const auto count = ::write(kChildPipe, at, size);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) ::_exit(1);  // nobody listens any more
    at += count;
    size -= static_cast<std::size_t>(count);
  }
}

void send(Kind kind, std::span<const std::byte> bytes) {
  const Header header{kind, bytes.size()};
  write_all(&header, sizeof(header));
  write_all(bytes.data(), bytes.size());
}

void send_failure(int exit_code, const std::string& message, const std::string& hint) {
  using nlohmann::json;
  const auto text = json{{"exit_code", exit_code}, {"message", message}, {"hint", hint}}.dump(
      -1, ' ', false, json::error_handler_t::replace);
  send(Kind::failure, std::as_bytes(std::span(text)));
}

std::size_t address_space_now() {
  std::size_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  return pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

void enter_child(int pipe, pid_t parent, const MediaLimits& limits) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);
  // A stop is for the parent, which ends its children.
  ::signal(SIGINT, SIG_IGN);
  ::signal(SIGTERM, SIG_IGN);
  ::signal(SIGPIPE, SIG_IGN);
  // Connections of a server would stay open as long as any process holds them.
  ::dup2(pipe, kChildPipe);
  ::close_range(kChildPipe + 1, ~0U, 0);
  const auto limit = [](auto resource, rlim_t soft, rlim_t hard) {
    const rlimit both{soft, hard};
    ::setrlimit(resource, &both);
  };
  const auto seconds = static_cast<rlim_t>(std::ceil(limits.cpu_seconds));
  limit(RLIMIT_CPU, seconds, seconds + 1);  // the first sends SIGXCPU, which names itself; the second SIGKILL
  const auto space = static_cast<rlim_t>(address_space_now() + limits.memory);
  limit(RLIMIT_AS, space, space);
  limit(RLIMIT_CORE, 0, 0);
  limit(RLIMIT_FSIZE, 0, 0);  // it only reads
}

[[noreturn]] void be_child(const std::filesystem::path& path, const MediaLimits& limits,
                           const std::function<void(const SendMessage&)>& work) {
  try {
    work([](std::span<const std::byte> bytes) { send(Kind::message, bytes); });
    send(Kind::end, {});
    ::_exit(0);
  } catch (const Error& error) {
    send_failure(error.exit_code(), error.message(), error.hint());
  } catch (const std::bad_alloc&) {
    send_failure(
        4, fmt::format("{}: it takes more than the {} MiB that it may have", path.string(), limits.memory >> 20), "");
  } catch (const std::exception& error) {
    send_failure(1, error.what(), "");
  } catch (...) {
    send_failure(1, "an exception of an unknown kind", "");
  }
  ::_exit(1);
}

// ---- in the parent ----

class Child {
 public:
  Child(const std::filesystem::path& path, const MediaLimits& limits,
        const std::function<void(const SendMessage&)>& work)
      : path_(path), limits_(limits) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) throw Error(fmt::format("{}: no pipe: {}", path.string(), std::strerror(errno)));
    ::fcntl(ends[1], F_SETPIPE_SZ, kPipeBytes);  // refused where many pipes are open; it works as well
    const auto parent = ::getpid();
    child_ = ::fork();
    if (child_ == 0) {
      enter_child(ends[1], parent, limits);
      be_child(path, limits, work);
    }
    const int failure = errno;
    ::close(ends[1]);
    pipe_ = ends[0];
    if (child_ > 0) return;
    ::close(pipe_);
    throw Error(fmt::format("{}: no process to read it in: {}", path.string(), std::strerror(failure)));
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (child_ > 0) {
      ::kill(child_, SIGKILL);
      end();
    }
    ::close(pipe_);
  }

  /// The next message: false at the end.
  bool next(std::vector<std::byte>& message) {
    Header header{};
    read_all(std::as_writable_bytes(std::span(&header, 1)));
    if (header.kind > Kind::end || header.size > kLongestMessage) fail("its memory is damaged");
    message.resize(header.size);
    read_all(message);
    if (header.kind == Kind::failure) throw_again(message);
    return header.kind == Kind::message;
  }

 private:
  void read_all(std::span<std::byte> bytes) {
    while (!bytes.empty()) {
      wait();
      const auto count = ::read(pipe_, bytes.data(), bytes.size());
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) fail(ended());
      bytes = bytes.subspan(static_cast<std::size_t>(count));
    }
  }

  void wait() {
    using clock = std::chrono::steady_clock;
    const auto until = clock::now() + std::chrono::duration_cast<clock::duration>(
                                          std::chrono::duration<double>(limits_.silent_seconds));
    while (true) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - clock::now()).count();
      pollfd one{pipe_, POLLIN, 0};
      const int ready = ::poll(&one, 1, static_cast<int>(std::clamp<long>(left, 0, 1 << 30)));
      if (ready > 0) return;
      if (ready == 0) fail(fmt::format("no sign of life for {:g} s", limits_.silent_seconds));
    }
  }

  int end() {
    int status = 0;
    while (::waitpid(child_, &status, 0) < 0 && errno == EINTR) {
    }
    child_ = 0;
    return status;
  }

  std::string ended() {
    const int status = end();
    if (!WIFSIGNALED(status)) return fmt::format("it ended with exit code {}", WEXITSTATUS(status));
    const int signal = WTERMSIG(status);
    if (signal == SIGXCPU) return fmt::format("it used more than {:g} s of processor time", limits_.cpu_seconds);
    return fmt::format("signal SIG{} ({})", sigabbrev_np(signal), sigdescr_np(signal));
  }

  [[noreturn]] void fail(const std::string& cause) {
    throw DataError(
        fmt::format("{}: the process that decoded it was lost: {}", path_.string(), cause),
        "the file is damaged in a way that its codec does not survive, or hostile: leave it out or convert it");
  }

  [[noreturn]] void throw_again(std::span<const std::byte> bytes) {
    const auto* text = reinterpret_cast<const char*>(bytes.data());
    const auto said = nlohmann::json::parse(text, text + bytes.size(), nullptr, false);
    if (!said.is_object()) fail("its memory is damaged");
    const auto message = said.value("message", ""), hint = said.value("hint", "");
    switch (said.value("exit_code", 1)) {
      case 3:
        throw ConfigError(message, hint);
      case 4:
        throw DataError(message, hint);
      default:
        throw Error(message, hint);
    }
  }

  const std::filesystem::path& path_;
  const MediaLimits& limits_;
  pid_t child_ = -1;
  int pipe_ = -1;
};

}  // namespace

void run_guarded(const std::filesystem::path& path, const MediaLimits& limits,
                 const std::function<void(const SendMessage&)>& work,
                 const std::function<void(std::span<const std::byte>)>& receive) {
  Child child(path, limits, work);
  std::vector<std::byte> message;
  while (child.next(message)) receive(message);
}

}  // namespace kuda
