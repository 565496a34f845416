#include "kuda/media/media.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <new>

#include "kuda/base/error.h"
#include "kuda/media/media_file.h"
#include "kuda/media/picture_sampler.h"
#include "kuda/media/sound_joiner.h"
#include "kuda/media/stream_clock.h"

namespace kuda {
namespace {

/// A part that begins before this, in seconds, is reached by decoding from the start.
constexpr double kSeekFrom = 2;
/// Less than this, in seconds, is how containers and decoders differ on where a file ends.
constexpr double kCutShort = 0.25;
/// Seconds by which pictures and sound of one instant lie apart in a file at most.
constexpr double kInterleaving = 30;
/// Packets between two calls of MediaSink::progress.
constexpr long kProgressPackets = 100;
/// Refusals in a row after which a packet is given up.
constexpr int kMostFailures = 100;
/// Seconds that no file reaches: what lies beyond is a mistake.
constexpr double kFarthest = 1e9;
/// Frames a second of a video that does not say it.
constexpr double kUsualRate = 25;

void check(const MediaOptions& options) {
  const auto demand = [](bool holds, const char* key, const char* expected, double found) {
    if (!holds) throw ConfigError(fmt::format("{}: expected {}, found {}", key, expected, found));
  };
  demand(options.frames_per_second > 0 && options.frames_per_second <= 1000, "frames_per_second",
         "more than 0, at most 1000", options.frames_per_second);
  demand(options.longest_side >= 16 && options.longest_side <= 8192, "longest_side", "16 to 8192",
         options.longest_side);
  demand(options.sample_rate >= 1000 && options.sample_rate <= 192000, "sample_rate", "1000 to 192000",
         options.sample_rate);
  demand(std::isfinite(options.begin) && options.begin >= 0, "begin", "at least 0", options.begin);
  demand(options.begin <= kFarthest, "begin", "at most 1e9 seconds", options.begin);
  if (!options.end) return;
  demand(std::isfinite(*options.end) && *options.end > options.begin, "end", "more than begin", *options.end);
  demand(*options.end <= kFarthest, "end", "at most 1e9 seconds", *options.end);
}

class Reading {
 public:
  Reading(const std::filesystem::path& path, const MediaOptions& options, MediaSink& sink)
      : options_(options),
        sink_(sink),
        file_(path, log_),
        pictures_(options, sink, report_),
        sound_(options, sink, report_),
        packet_(ffmpeg::owned(av_packet_alloc())),
        frame_(ffmpeg::owned(av_frame_alloc())) {}

  MediaReport run() {
    describe();
    file_.start(options_.pictures, options_.sound);
    if (wanted(file_.video()) || wanted(file_.sound())) {
      if (options_.begin > kSeekFrom) wait_for_key_ = file_.seek(options_.begin);
      orientation_ = file_.video() ? file_.orientation() : Orientation{};
      read_packets();
      pictures_.finish();
      sound_.finish();
      finish_report();
    }
    report_.complaints = log_.errors();
    report_.first_complaint = log_.first();
    return report_;
  }

 private:
  static bool wanted(const MediaStream& stream) { return stream.decoder != nullptr; }

  void describe() {
    report_.container = file_.format().iformat->name;
    report_.video_codec = file_.video().codec();
    report_.audio_codec = file_.sound().codec();
    report_.has_video = static_cast<bool>(file_.video());
    report_.has_audio = static_cast<bool>(file_.sound());
    report_.without_decoder = file_.without_decoder();
    report_.declared_seconds = file_.declared_seconds();
  }

  [[nodiscard]] bool done() {
    return (!wanted(file_.video()) || pictures_.done()) && (!wanted(file_.sound()) || sound_.done());
  }

  void read_packets() {
    for (long count = 0; !done(); ++count) {
      const int code = av_read_frame(&file_.format(), packet_.get());
      if (code == AVERROR(ENOMEM)) throw std::bad_alloc();
      if (code == AVERROR(EAGAIN)) continue;
      if (code < 0) {
        if (code != AVERROR_EOF) ++report_.decode_errors;
        break;
      }
      if (is_behind_the_part(*packet_)) break;
      if (count % kProgressPackets == 0) sink_.progress(reached_);
      const auto index = packet_->stream_index;
      if (wanted(file_.video()) && index == file_.video().stream->index)
        decode_video(packet_.get());
      else if (wanted(file_.sound()) && index == file_.sound().stream->index && !sound_.done())
        decode(file_.sound(), packet_.get(), [this] { hear(); });
      av_packet_unref(packet_.get());
    }
    if (wanted(file_.video())) decode(file_.video(), nullptr, [this] { see(); });
    if (wanted(file_.sound())) decode(file_.sound(), nullptr, [this] { hear(); });
  }

  /// One stream may end long before the file does: what comes this late is not waited for.
  [[nodiscard]] bool is_behind_the_part(const AVPacket& packet) const {
    const auto at = ffmpeg::seconds(packet.dts, file_.format().streams[packet.stream_index]->time_base);
    return options_.end && at && *at - file_.origin() > *options_.end + kInterleaving;
  }

  /// After a seek, pictures before the first key picture lack what they build on.
  void decode_video(const AVPacket* packet) {
    if (pictures_.done() || (wait_for_key_ && (packet->flags & AV_PKT_FLAG_KEY) == 0)) return;
    wait_for_key_ = false;
    decode(file_.video(), packet, [this] { see(); });
  }

  /// Hands a packet to the decoder, none at the end, and uses every frame that it has ready.
  template <class Use>
  void decode(MediaStream& stream, const AVPacket* packet, Use use) {
    int code = avcodec_send_packet(stream.decoder.get(), packet);
    for (int failures = code < 0 ? 1 : 0; failures < kMostFailures;) {
      if (code == AVERROR(ENOMEM)) throw std::bad_alloc();
      if (code < 0) ++report_.decode_errors;
      code = avcodec_receive_frame(stream.decoder.get(), frame_.get());
      if (code == AVERROR(EAGAIN) || code == AVERROR_EOF) return;
      if (code >= 0)
        use();
      else
        ++failures;
    }
  }

  [[nodiscard]] std::optional<double> stamp(const MediaStream& stream) const {
    const auto at = ffmpeg::seconds(frame_->best_effort_timestamp, stream.stream->time_base);
    if (!at) return std::nullopt;
    return *at - file_.origin();
  }

  void see() {
    auto& video = file_.video();
    const auto at = stamp(video);
    const double duration = frame_seconds(at);
    const double time = picture_clock_.place(at, duration), shown = time - options_.begin;
    if (at) last_stamp_ = at;
    if (shown + duration > 0) {
      ++report_.decoded_pictures;
      if ((frame_->flags & AV_FRAME_FLAG_CORRUPT) != 0 || frame_->decode_error_flags != 0) ++report_.corrupt_pictures;
    }
    const auto ratio = av_guess_sample_aspect_ratio(&file_.format(), video.stream, frame_.get());
    pictures_.add(*frame_, shown, duration, ratio.num > 0 && ratio.den > 0 ? av_q2d(ratio) : 1, orientation_of_frame());
    reach(time + duration);
  }

  /// How long the frame in hand is shown: by itself, by its distance from the one before, by the stream's rate.
  [[nodiscard]] double frame_seconds(std::optional<double> at) const {
    const auto& stream = *file_.video().stream;
#if LIBAVUTIL_VERSION_INT >= AV_VERSION_INT(57, 30, 100)  // FFmpeg 6 renamed it
    const double said = static_cast<double>(frame_->duration) * av_q2d(stream.time_base);
#else
    const double said = static_cast<double>(frame_->pkt_duration) * av_q2d(stream.time_base);
#endif
    if (said > 0 && said < StreamClock::kAhead) return said;
    if (at && last_stamp_ && *at > *last_stamp_ && *at - *last_stamp_ < 1) return *at - *last_stamp_;
    const double rate = av_q2d(stream.avg_frame_rate);
    return 1 / (rate >= 1 && rate <= 1000 ? rate : kUsualRate);
  }

  [[nodiscard]] Orientation orientation_of_frame() const {
    if (!orientation_.upright()) return orientation_;
    const auto* data = av_frame_get_side_data(frame_.get(), AV_FRAME_DATA_DISPLAYMATRIX);
    return data == nullptr ? orientation_ : orientation_of(data->data, data->size).value_or(orientation_);
  }

  void hear() {
    if (frame_->sample_rate <= 0) {
      ++report_.decode_errors;
      return;
    }
    const double duration = static_cast<double>(frame_->nb_samples) / frame_->sample_rate;
    const double time = sound_clock_.place(stamp(file_.sound()), duration);
    sound_.add(*frame_, time - options_.begin);
    reach(time + duration);
  }

  void reach(double time) { reached_ = std::max(reached_, time); }

  void finish_report() {
    report_.time_jumps = picture_clock_.jumps() + sound_clock_.jumps();
    if (report_.pictures == 0 && sound_.samples() == 0) {
      const auto where = file_.path().string();
      if (options_.begin > 0 && reached_ > 0 && reached_ <= options_.begin)
        throw DataError(
            fmt::format("{}: expected something at {:g} s, but it ends at {:.2f} s", where, options_.begin, reached_));
      throw DataError(fmt::format("{}: expected pictures or sound, but nothing of it could be decoded ({} errors{}{})",
                                  where, report_.decode_errors + log_.errors(),
                                  log_.first().empty() ? "" : ", the first: ", log_.first()));
    }
    const double end = options_.end && done() ? *options_.end : reached_;
    report_.decoded_seconds = std::max(0.0, std::min(options_.end.value_or(end), end) - options_.begin);
    const bool all = report_.has_video == wanted(file_.video()) && report_.has_audio == wanted(file_.sound());
    if (const auto declared = report_.declared_seconds;
        declared && all && !done())  // else it ends with what is not read
      report_.cut_short = std::min(*declared, options_.end.value_or(*declared)) - reached_ > kCutShort;
  }

  const MediaOptions& options_;
  MediaSink& sink_;
  ffmpeg::LogCount log_;
  MediaReport report_;
  MediaFile file_;
  PictureSampler pictures_;
  SoundJoiner sound_;
  StreamClock picture_clock_{options_.begin, file_.declared_seconds()},
      sound_clock_{options_.begin, file_.declared_seconds()};
  ffmpeg::Owned<AVPacket> packet_;
  ffmpeg::Owned<AVFrame> frame_;
  Orientation orientation_;
  std::optional<double> last_stamp_;
  bool wait_for_key_ = false;
  double reached_ = 0;  ///< on the clip's clock
};

}  // namespace

MediaReport read_media(const std::filesystem::path& path, const MediaOptions& options, MediaSink& sink) {
  check(options);
  try {
    return Reading(path, options, sink).run();
  } catch (const std::bad_alloc&) {
    throw DataError(path.string() + ": it takes more memory to decode than may be had",
                    "a damaged header can ask for any amount");
  }
}

}  // namespace kuda
