#pragma once
// An open file: its container, the one video and the one sound that count, their decoders.

#include <filesystem>
#include <string>

#include "kuda/media/ffmpeg.h"
#include "kuda/media/orientation.h"

namespace kuda {

struct MediaStream {
  AVStream* stream = nullptr;  ///< of the file; null where it has none
  ffmpeg::Owned<AVCodecContext> decoder;
  [[nodiscard]] explicit operator bool() const { return stream != nullptr; }
  [[nodiscard]] std::string codec() const;
};

class MediaFile {
 public:
  /// Throws DataError that names the file and what is wrong with it. `log`: what FFmpeg says goes there.
  MediaFile(std::filesystem::path path, const ffmpeg::LogCount& log);

  /// Makes the decoders of the wanted streams; the others' packets are not read.
  void start(bool pictures, bool sound);
  /// Goes to a place from which everything at and after `time` can be decoded; false where there is none but the start.
  bool seek(double time);

  [[nodiscard]] AVFormatContext& format() const { return *format_; }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] MediaStream& video() { return video_; }
  [[nodiscard]] const MediaStream& video() const { return video_; }
  [[nodiscard]] MediaStream& sound() { return sound_; }
  [[nodiscard]] double origin() const { return origin_; }  ///< the stamp, in seconds, at which the clip's clock is zero
  [[nodiscard]] std::optional<double> declared_seconds() const;
  [[nodiscard]] Orientation orientation() const;  ///< by the container; none says upright
  [[nodiscard]] const std::string& without_decoder() const { return without_decoder_; }

 private:
  void open();
  [[nodiscard]] AVStream* choose(AVMediaType type);
  [[nodiscard]] bool reaches(double time);

  std::filesystem::path path_;
  const ffmpeg::LogCount& log_;
  ffmpeg::Owned<AVFormatContext> format_;
  MediaStream video_, sound_;
  double origin_ = 0;
  std::string without_decoder_;
};

/// The display matrix of a frame or stream, if it is one.
std::optional<Orientation> orientation_of(const std::uint8_t* matrix, std::size_t size);

}  // namespace kuda
