#include "kuda/media/ffmpeg.h"

#include <fmt/format.h>

#include <array>
#include <cstdarg>
#include <cstdio>
#include <mutex>

#include "kuda/media/media.h"

namespace kuda {
namespace ffmpeg {
namespace {

thread_local LogCount* listener = nullptr;

void on_log(void* source, int level, const char* format, va_list arguments) {
  if (listener == nullptr) return av_log_default_callback(source, level, format, arguments);  // of another user
  if (level > AV_LOG_ERROR) return;
  std::array<char, 256> text{};
  std::vsnprintf(text.data(), text.size(), format, arguments);
  listener->add(text.data());
}

}  // namespace

std::string error_text(int code) {
  std::array<char, AV_ERROR_MAX_STRING_SIZE> text{};
  av_strerror(code, text.data(), text.size());
  return text.data();
}

LogCount::LogCount() : before_(listener) {
  static std::once_flag once;
  std::call_once(once, [] { av_log_set_callback(on_log); });
  listener = this;
}

LogCount::~LogCount() { listener = before_; }

void LogCount::add(const char* message) {
  ++errors_;
  if (!first_.empty()) return;
  for (const char* c = message; *c != 0 && *c != '\n'; ++c) first_ += *c >= ' ' && *c <= '~' ? *c : '?';
  while (first_.ends_with('.') || first_.ends_with(' ')) first_.pop_back();
}

}  // namespace ffmpeg

std::string media_libraries() {
  std::string list;
  const auto add = [&](const char* name, unsigned version) {
    list += fmt::format("{}{} {}.{}.{}", list.empty() ? "" : ", ", name, AV_VERSION_MAJOR(version),
                        AV_VERSION_MINOR(version), AV_VERSION_MICRO(version));
  };
  add("libavcodec", avcodec_version());
  add("libavformat", avformat_version());
  add("libavutil", avutil_version());
  add("libswresample", swresample_version());
  add("libswscale", swscale_version());
  return list;
}

std::string media_licence() { return avcodec_license(); }

}  // namespace kuda
