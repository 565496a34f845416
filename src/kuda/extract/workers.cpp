#include "kuda/extract/workers.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <exception>
#include <fstream>
#include <memory>
#include <new>
#include <optional>
#include <string_view>
#include <vector>

#include "kuda/base/clock.h"
#include "kuda/base/error.h"

namespace kuda {
namespace {

constexpr int kPollMilliseconds = 200;  // between looks at the stop signal and at the time limits

/// Whole, or false at the end of the pipe.
bool read_all(int pipe, void* to, std::size_t bytes) {
  auto* next = static_cast<char*>(to);
  while (bytes > 0) {
    const auto count = ::read(pipe, next, bytes);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    next += count;
    bytes -= std::size_t(count);
  }
  return true;
}

bool write_all(int pipe, const void* from, std::size_t bytes) {
  const auto* next = static_cast<const char*>(from);
  while (bytes > 0) {
    const auto count = ::write(pipe, next, bytes);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    next += count;
    bytes -= std::size_t(count);
  }
  return true;
}

enum class Kind : std::uint64_t { ok, failed, hopeless };

struct Header {
  Kind kind = Kind::ok;
  std::int64_t code = 0;  ///< exit code of what is hopeless
  std::uint64_t message_bytes = 0, hint_bytes = 0;
};

struct Sent {
  Kind kind = Kind::ok;
  int code = 0;
  std::string message, hint;
};

bool send(int pipe, const Sent& sent) {
  const Header header{sent.kind, sent.code, sent.message.size(), sent.hint.size()};
  return write_all(pipe, &header, sizeof header) && write_all(pipe, sent.message.data(), sent.message.size()) &&
         write_all(pipe, sent.hint.data(), sent.hint.size());
}

/// What becomes of a task, whatever it throws.
Sent outcome_of(const std::function<std::string()>& task) {
  try {
    return {Kind::ok, 0, task(), ""};
  } catch (const NothingWorks& error) {
    return {Kind::hopeless, error.exit_code(), error.message(), error.hint()};
  } catch (const Error& error) {
    return {Kind::failed, error.exit_code(), error.message(), error.hint()};
  } catch (const std::exception& error) {
    return {Kind::failed, 1, reason_of(error), ""};
  }
}

/// Bytes of address space of this process; 0 where the system does not say.
std::uint64_t address_space() {
  std::ifstream statm("/proc/self/statm");
  std::uint64_t pages = 0;
  statm >> pages;
  return pages * std::uint64_t(::sysconf(_SC_PAGESIZE));
}

/// By address space, because not every kernel counts what is written.
void limit_memory(std::int64_t megabytes) {
  const auto bytes = rlim_t(address_space() + (std::uint64_t(megabytes) << 20U));
  const rlimit limit{bytes, bytes};
  (void)::setrlimit(RLIMIT_AS, &limit);
  const rlimit none{0, 0};
  (void)::setrlimit(RLIMIT_CORE, &none);
}

/// The life of a child: reads numbers of tasks, writes answers, ends with its pipe or its parent.
[[noreturn]] void serve(int tasks, int answers, const WorkerLimits& limits, const std::function<WorkerTask()>& prepare,
                        pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(0);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) std::signal(signal, SIG_IGN);  // the parent ends the work
  limit_memory(limits.megabytes);
  WorkerTask work;
  std::uint64_t task = 0;
  while (read_all(tasks, &task, sizeof task)) {
    auto sent = outcome_of([&] {
      if (!work) work = prepare();
      return std::string();
    });
    if (sent.kind == Kind::ok)
      sent = outcome_of([&] { return work(std::size_t(task)); });
    else
      sent.kind = Kind::hopeless;
    if (!send(answers, sent)) break;
  }
  ::_exit(0);
}

/// A child and what it is doing. Destroyed with its process.
class Worker {
 public:
  Worker(const WorkerLimits& limits, const std::function<WorkerTask()>& prepare, const std::vector<int>& others) {
    int to[2], from[2];
    if (::pipe(to) != 0) throw Error(std::string("a pipe cannot be made: ") + std::strerror(errno));
    if (::pipe(from) != 0) throw Error(std::string("a pipe cannot be made: ") + std::strerror(errno));
    const auto parent = ::getpid();
    process_ = ::fork();
    if (process_ < 0) throw Error(std::string("a process cannot be started: ") + std::strerror(errno));
    if (process_ == 0) {
      for (const int other : others) ::close(other);  // else a sister would not see the end of its pipe
      ::close(to[1]);
      ::close(from[0]);
      serve(to[0], from[1], limits, prepare, parent);
    }
    ::close(to[0]);
    ::close(from[1]);
    tasks_ = to[1];
    answers_ = from[0];
  }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  ~Worker() {
    if (process_ > 0) kill();  // at work only where an exception passes by
    (void)end();
  }

  [[nodiscard]] int tasks() const { return tasks_; }
  [[nodiscard]] int answers() const { return answers_; }
  [[nodiscard]] const std::optional<std::size_t>& task() const { return task_; }
  [[nodiscard]] double seconds() const { return seconds_since(since_); }

  /// False when the child has died; then `end` says how.
  bool give(std::size_t task) {
    task_ = task;
    since_ = Clock::now();
    const std::uint64_t number = task;
    return write_all(tasks_, &number, sizeof number);
  }
  bool answer(Sent& sent) {
    Header header;
    if (!read_all(answers_, &header, sizeof header)) return false;
    sent.kind = header.kind;
    sent.code = int(header.code);
    sent.message.resize(std::size_t(header.message_bytes));
    sent.hint.resize(std::size_t(header.hint_bytes));
    if (!read_all(answers_, sent.message.data(), sent.message.size()) ||
        !read_all(answers_, sent.hint.data(), sent.hint.size()))
      return false;
    task_.reset();
    return true;
  }
  void kill() const { ::kill(process_, SIGKILL); }

  /// Waits for its end and says in words how it came; empty for an ordinary one.
  std::string end() {
    if (process_ <= 0) return {};
    ::close(tasks_);
    ::close(answers_);
    int status = 0;
    while (::waitpid(process_, &status, 0) < 0 && errno == EINTR) {
    }
    process_ = -1;
    if (WIFSIGNALED(status))
      return fmt::format("its process died of signal {} ({})", WTERMSIG(status), ::strsignal(WTERMSIG(status)));
    return WEXITSTATUS(status) == 0 ? "" : fmt::format("its process ended with code {}", WEXITSTATUS(status));
  }

 private:
  pid_t process_ = -1;
  int tasks_ = -1, answers_ = -1;
  std::optional<std::size_t> task_;
  Clock::time_point since_;
};

/// While it lives a write to a dead child is an error, not the end of this process.
class IgnoredPipeSignal {
 public:
  IgnoredPipeSignal() : before_(std::signal(SIGPIPE, SIG_IGN)) {}
  IgnoredPipeSignal(const IgnoredPipeSignal&) = delete;
  IgnoredPipeSignal& operator=(const IgnoredPipeSignal&) = delete;
  ~IgnoredPipeSignal() { std::signal(SIGPIPE, before_); }

 private:
  void (*before_)(int);
};

}  // namespace

std::string reason_of(const std::exception& error) {
  const std::string_view said = error.what();
  // LibTorch throws an exception of its own where the system refuses memory.
  if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr || said.find("alloc_cpu") != std::string_view::npos ||
      said.find("DefaultCPUAllocator") != std::string_view::npos)
    return "there is not enough memory within the limit (--clip-memory)";
  return fmt::format("unexpected error: {}", said.substr(0, said.find('\n')));
}

WorkerPool::WorkerPool(std::size_t children, WorkerLimits limits, std::function<WorkerTask()> prepare)
    : children_(std::max<std::size_t>(1, children)), limits_(limits), prepare_(std::move(prepare)) {}

std::size_t WorkerPool::run(std::size_t tasks, const std::atomic<bool>& stop,
                            const std::function<void(std::size_t, const WorkerAnswer&)>& done) {
  const IgnoredPipeSignal no_signal;
  std::vector<std::unique_ptr<Worker>> workers;
  std::size_t next = 0, finished = 0;
  const auto start = [&] {
    std::vector<int> others;
    for (const auto& worker : workers)
      if (worker) others.insert(others.end(), {worker->tasks(), worker->answers()});
    return std::make_unique<Worker>(limits_, prepare_, others);
  };
  const auto is_over = [&] { return stop.load() || next == tasks; };
  /// What becomes of the task of a child that is no more.
  const auto mourn = [&](std::unique_ptr<Worker>& worker, const std::string& reason) {
    const auto task = *worker->task();
    const auto how = worker->end();
    worker.reset();
    ++finished;
    done(task, {false, reason.empty() ? (how.empty() ? "its process ended" : how) : reason});
  };
  const auto give_next = [&](std::unique_ptr<Worker>& worker) {
    if (is_over()) {
      worker.reset();  // its pipe ends, and so does it
      return;
    }
    if (!worker) worker = start();
    if (!worker->give(next++)) mourn(worker, "");
  };

  workers.resize(std::min(children_, tasks));
  for (auto& worker : workers) give_next(worker);
  for (;;) {
    std::vector<pollfd> waiting;
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < workers.size(); ++i) {
      if (!workers[i] && !is_over()) give_next(workers[i]);
      if (!workers[i]) continue;
      waiting.push_back({workers[i]->answers(), POLLIN, 0});
      places.push_back(i);
    }
    if (waiting.empty()) return finished;
    if (::poll(waiting.data(), nfds_t(waiting.size()), kPollMilliseconds) < 0 && errno != EINTR)
      throw Error(std::string("waiting for processes failed: ") + std::strerror(errno));
    for (std::size_t i = 0; i < waiting.size(); ++i) {
      auto& worker = workers[places[i]];
      if (waiting[i].revents == 0) {
        if (worker->seconds() <= limits_.seconds) continue;
        worker->kill();
        mourn(worker, fmt::format("it took longer than {} seconds", limits_.seconds));
        continue;
      }
      Sent sent;
      const auto task = *worker->task();
      if (!worker->answer(sent)) {
        mourn(worker, "");
      } else if (sent.kind == Kind::hopeless) {
        throw NothingWorks(sent.message, sent.hint, sent.code);
      } else {
        ++finished;
        done(task, {sent.kind == Kind::ok, sent.hint.empty() ? sent.message : sent.message + " (" + sent.hint + ")"});
        give_next(worker);
      }
    }
  }
}

}  // namespace kuda
