#pragma once
// FFmpeg's structures with owners, its errors as text, its log as a count. Only sources of this room include it.

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libswresample/swresample.h>
#include <libswscale/swscale.h>
}

#include <memory>
#include <optional>
#include <string>

namespace kuda::ffmpeg {

struct Release {
  void operator()(AVFormatContext* format) const { avformat_close_input(&format); }
  void operator()(AVCodecContext* decoder) const { avcodec_free_context(&decoder); }
  void operator()(AVPacket* packet) const { av_packet_free(&packet); }
  void operator()(AVFrame* frame) const { av_frame_free(&frame); }
  void operator()(SwsContext* scaler) const { sws_freeContext(scaler); }
  void operator()(SwrContext* resampler) const { swr_free(&resampler); }
};
template <class T>
using Owned = std::unique_ptr<T, Release>;

/// FFmpeg's functions that make something give a null pointer for want of memory: std::bad_alloc here.
template <class T>
Owned<T> owned(T* made) {
  if (made == nullptr) throw std::bad_alloc();
  return Owned<T>(made);
}

/// "Invalid data found when processing input"
std::string error_text(int code);

/// Seconds; none for AV_NOPTS_VALUE.
inline std::optional<double> seconds(std::int64_t stamp, AVRational unit) {
  if (stamp == AV_NOPTS_VALUE) return std::nullopt;
  return static_cast<double>(stamp) * av_q2d(unit);
}

/// Keeps what FFmpeg logs in this thread while it lives: errors are counted, the rest is dropped, nothing is printed.
class LogCount {
 public:
  LogCount();
  LogCount(const LogCount&) = delete;
  LogCount& operator=(const LogCount&) = delete;
  ~LogCount();
  [[nodiscard]] long errors() const { return errors_; }
  [[nodiscard]] const std::string& first() const { return first_; }  ///< printable ASCII, one line
  void add(const char* message);

 private:
  LogCount* before_;
  long errors_ = 0;
  std::string first_;
};

}  // namespace kuda::ffmpeg
