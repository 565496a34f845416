#pragma once
// Tasks in child processes with limits, so that what kills a process costs one task and is named.
//
//   WorkerPool pool(4, {.seconds = 600}, [] { auto work = make(); return [work](std::size_t i) { return work->run(i);
//   }; }); pool.run(100, stop, [&](std::size_t task, const WorkerAnswer& answer) { ... });
//
// A child is a copy of this process at that moment: start none after this process has made threads.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <string>

#include "kuda/base/error.h"

namespace kuda {

struct WorkerLimits {
  double seconds = 600;           ///< for one task
  std::int64_t megabytes = 4096;  ///< of address space in a child, beyond what this process has
};

struct WorkerAnswer {
  bool is_ok = false;
  std::string text;  ///< what the task gave, or why it failed
};

/// No task could be done: what a task throws when the fault is not its own. Its text and its exit code are those of the
/// error behind it.
class NothingWorks : public Error {
 public:
  explicit NothingWorks(const Error& error) : Error(error.message(), error.hint()), code_(error.exit_code()) {}
  NothingWorks(const std::string& message, const std::string& hint, int code) : Error(message, hint), code_(code) {}
  [[nodiscard]] int exit_code() const noexcept override { return code_; }

 private:
  int code_;
};

/// What an error that is none of kuda's says, without the stack behind it; memory that was refused is named as such.
[[nodiscard]] std::string reason_of(const std::exception& error);

/// One task; what it throws is the reason of its failure, or ends everything (NothingWorks).
using WorkerTask = std::function<std::string(std::size_t)>;

class WorkerPool {
 public:
  /// `prepare` is called in each child before its first task; what it throws ends everything.
  WorkerPool(std::size_t children, WorkerLimits limits, std::function<WorkerTask()> prepare);

  /// Calls `done` in this process for each of `tasks` tasks, in the order in which they end. With `stop` set no further
  /// task begins. Returns how many were done. Throws Error when a child cannot be started, NothingWorks when it cannot
  /// be prepared or a task says so.
  std::size_t run(std::size_t tasks, const std::atomic<bool>& stop,
                  const std::function<void(std::size_t, const WorkerAnswer&)>& done);

 private:
  std::size_t children_;
  WorkerLimits limits_;
  std::function<WorkerTask()> prepare_;
};

}  // namespace kuda
