#include "kuda/base/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <mutex>
#include <utility>

namespace kuda {
namespace {

void to_stderr(LogLevel level, const std::string& message) {
  static const auto logger = [] {
    auto made = std::make_shared<spdlog::logger>("kuda", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("%v");
    return made;
  }();
  if (level == LogLevel::warning)
    logger->warn("warning: " + message);
  else
    logger->info(message);
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
  const std::lock_guard lock(guard());
  if (current_sink()) current_sink()(level, message);
}

}  // namespace kuda
