#include "kuda/base/log.h"

#include <cstdio>
#include <mutex>
#include <utility>

namespace kuda {
namespace {

void to_stderr(LogLevel level, const std::string& message) {
  const std::string line = (level == LogLevel::warning ? "warning: " + message : message) + "\n";
  std::fwrite(line.data(), 1, line.size(), stderr);  // at once, so that lines of several processes do not mix
  std::fflush(stderr);
}

std::mutex& guard() {
  static std::mutex mutex;
  return mutex;
}

LogSink& current_sink() {
  static LogSink sink = to_stderr;
  return sink;
}

}  // namespace

LogSink set_log_sink(LogSink sink) {
  const std::lock_guard lock(guard());
  return std::exchange(current_sink(), std::move(sink));
}

void log(LogLevel level, const std::string& message) {
  LogSink sink;
  {
    const std::lock_guard lock(guard());
    sink = current_sink();
  }
  if (sink) sink(level, message);  // without the lock: a sink may wait for a thread that logs (Python's)
}

}  // namespace kuda
