#pragma once
// A video or sound file to pictures and samples on one clock, through FFmpeg's libraries.
//
//   class Counter : public MediaSink { ... };                       // what to do with pictures and sound as they come
//   Counter sink;
//   const auto report = read_media("clip.mp4", {.frames_per_second = 10}, sink);
//   if (report.cut_short) ...                                       // it declares more than it holds
//
// Nothing is kept: memory does not grow with the length of the file. Broken or hostile files can make a codec die;
// guarded.h reads them in a process of their own.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace kuda {

struct MediaOptions {
  double frames_per_second = 10;
  int longest_side = 640;       ///< of a picture; larger ones are scaled down, smaller ones left as they are
  int sample_rate = 16000;      ///< Hz
  double begin = 0;             ///< of the part to read, seconds on the clip's clock
  std::optional<double> end{};  ///< none: to the end of the file
  bool pictures = true, sound = true;
};

/// Upright, with square pixels. Row i begins at rgb[i * stride]; three bytes a pixel, red first.
struct Picture {
  double time = 0;  ///< seconds from `begin`: a multiple of 1 / frames_per_second
  int width = 0, height = 0;
  std::size_t stride = 0;
  std::vector<std::uint8_t> rgb;
  bool corrupt = false;  ///< the decoder found damage and filled in
};

class MediaSink {
 public:
  virtual ~MediaSink() = default;
  /// In the order of time. Every multiple of 1 / frames_per_second that the video covers has its picture; where the
  /// video begins late or ends early there are none. The reference ends with the call.
  virtual void picture(const Picture& picture) = 0;
  /// Mono, each sample in -1..1. All calls together are one row of samples without gaps that begins at time 0: sound
  /// that starts late or has holes is filled with zeros. It ends where the file's sound ends.
  virtual void sound(std::span<const float> samples) = 0;
  /// Now and then, and also while a part is being looked for: how far on the clip's clock, in seconds.
  virtual void progress(double /*seconds*/) {}
};

struct MediaReport {
  std::string container, video_codec, audio_codec;  ///< FFmpeg's names; empty where there is none
  std::string without_decoder;                      ///< names of codecs that this build of FFmpeg cannot decode
  bool has_video = false, has_audio = false;  ///< in the file, whether asked for or not; a cover picture is no video
  std::optional<double> declared_seconds;     ///< of the whole file, where its header says so
  double decoded_seconds = 0;                 ///< from `begin` to the end of the last picture or sample
  bool cut_short = false;                     ///< a quarter of a second or more of what was declared never came
  int width = 0, height = 0;                  ///< of the first picture as handed on
  int rotation = 0;                           ///< degrees clockwise by which pictures were turned: 0, 90, 180, 270
  bool mirrored = false;                      ///< and they were mirrored left to right before
  long pictures = 0;                          ///< handed on
  long decoded_pictures = 0, corrupt_pictures = 0;  ///< as they came out of the decoder, before resampling in time
  long decode_errors = 0;                           ///< packets that a decoder or the container's reader refused
  long time_jumps = 0;                              ///< time stamps that could not be true and were replaced
  long bad_samples = 0;                             ///< not finite: taken as silence
  double padded_sound_seconds = 0;                  ///< of zeros for late or missing sound
  long complaints = 0;                              ///< errors that FFmpeg logged
  std::string first_complaint;

  bool operator==(const MediaReport&) const = default;
};

/// The clock begins where the first of the file's video and sound begins. A picture of the result is the last one whose
/// time has come; the first one also stands for the instant just before it, less than one period early.
/// Only the file itself is opened: lists of other files and addresses are refused.
/// Throws DataError that names the file where it cannot be opened, holds neither video nor sound, or nothing of it can
/// be decoded; ConfigError for options that make no sense. What `sink` throws passes through.
MediaReport read_media(const std::filesystem::path& path, const MediaOptions& options, MediaSink& sink);

/// The libraries that decode, as in "libavcodec 59.37.100, libavformat 59.27.100, libswscale 6.7.100, ...".
std::string media_libraries();
/// The licence they were built under: a program that is passed on together with them is bound by it.
std::string media_licence();

}  // namespace kuda
