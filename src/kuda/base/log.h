#pragma once
// The one sink for messages. Results go to stdout by the verbs themselves; messages go through here to stderr.

#include <fmt/format.h>

#include <functional>
#include <string>

namespace kuda {

enum class LogLevel { info, warning };

/// Replaces the sink (default: lines on stderr) and returns the one before; tests catch warnings with it. Threads that
/// log at once call it at once.
using LogSink = std::function<void(LogLevel, const std::string&)>;
LogSink set_log_sink(LogSink sink);

void log(LogLevel level, const std::string& message);

template <class... Args>
void log_info(fmt::format_string<Args...> format, Args&&... args) {
  log(LogLevel::info, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_warning(fmt::format_string<Args...> format, Args&&... args) {
  log(LogLevel::warning, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace kuda
