#include "kuda/media/media_file.h"

#include <fmt/format.h>

extern "C" {
#include <libavutil/dict.h>
}

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "kuda/base/error.h"

namespace kuda {
namespace {

/// Containers of video and sound. Lists of other files (concat, hls, dash), patterns of names (image2) and devices are
/// not among them: a file may not make this program open another.
constexpr const char* kContainers =
    "mov,matroska,avi,mpeg,mpegts,flv,ogg,asf,mxf,dv,ivf,gif,wav,w64,aiff,flac,mp3,aac,amr,caf";
/// A picture larger than 8K is damage: a header of a few bytes could ask for any amount of memory.
constexpr std::int64_t kMostPixels = 8192LL * 8192;
/// Packets to look at for whether a seek arrived early enough.
constexpr int kLookedAt = 2000;
/// Seconds before a part from which to decode: lossy sound needs a little run-up; key pictures may lie far apart.
constexpr std::array<double, 3> kRunUps{1, 10, 60};

[[noreturn]] void refuse(const std::filesystem::path& path, const std::string& text, const std::string& hint = {}) {
  throw DataError(fmt::format("{}: {}", path.string(), text), hint);
}

const std::uint8_t* display_matrix(const AVStream& stream, std::size_t& size) {
#if LIBAVFORMAT_VERSION_INT >= AV_VERSION_INT(60, 15, 100)  // FFmpeg 6.1 moved it
  const auto* data = av_packet_side_data_get(stream.codecpar->coded_side_data, stream.codecpar->nb_coded_side_data,
                                             AV_PKT_DATA_DISPLAYMATRIX);
  size = data == nullptr ? 0 : data->size;
  return data == nullptr ? nullptr : data->data;
#else
  return av_stream_get_side_data(&stream, AV_PKT_DATA_DISPLAYMATRIX, &size);
#endif
}

}  // namespace

std::string MediaStream::codec() const { return stream == nullptr ? "" : avcodec_get_name(stream->codecpar->codec_id); }

std::optional<Orientation> orientation_of(const std::uint8_t* matrix, std::size_t size) {
  std::array<std::int32_t, 9> numbers{};
  if (matrix == nullptr || size < sizeof(numbers)) return std::nullopt;
  std::memcpy(numbers.data(), matrix, sizeof(numbers));
  return Orientation::of_matrix(numbers);
}

MediaFile::MediaFile(std::filesystem::path path, const ffmpeg::LogCount& log) : path_(std::move(path)), log_(log) {
  const auto status = std::filesystem::status(path_);
  if (!std::filesystem::exists(status)) refuse(path_, "no such file");
  if (std::filesystem::is_directory(status))
    refuse(path_, "expected a video or sound file, found a folder",
           "name its files, or `kuda data extract` the folder");
  if (!std::filesystem::is_regular_file(status)) refuse(path_, "expected a video or sound file, found something else");
  if (std::filesystem::file_size(path_) == 0) refuse(path_, "expected a video or sound file, found no bytes at all");
  open();
}

void MediaFile::open() {
  AVDictionary* options = nullptr;
  av_dict_set(&options, "format_whitelist", kContainers, 0);
  av_dict_set(&options, "protocol_whitelist", "file", 0);
  AVFormatContext* opened = nullptr;
  // The name of the protocol is said, so that no name of a file is taken for an address.
  const int code = avformat_open_input(&opened, ("file:" + path_.string()).c_str(), nullptr, &options);
  av_dict_free(&options);
  if (code == AVERROR(ENOMEM)) throw std::bad_alloc();
  if (code < 0) {
    if (log_.first().find("whitelist") != std::string::npos)
      refuse(path_, "expected a video or sound file, found a format that is not read here: " + log_.first(),
             fmt::format("read are {}; lists of other files are never followed", kContainers));
    const bool no_index = log_.first().find("moov atom not found") != std::string::npos;
    refuse(path_,
           fmt::format("expected a video or sound file, found: {}{}", ffmpeg::error_text(code),
                       log_.first().empty() ? "" : " (" + log_.first() + ")"),
           no_index ? "its index stands at the end, and the end is missing: copy or record it again" : "");
  }
  format_.reset(opened);
  const int found = avformat_find_stream_info(opened, nullptr);
  if (found == AVERROR(ENOMEM)) throw std::bad_alloc();
  if (found < 0) refuse(path_, "its streams cannot be understood: " + ffmpeg::error_text(found));
  without_decoder_.clear();
  video_.stream = choose(AVMEDIA_TYPE_VIDEO);
  sound_.stream = choose(AVMEDIA_TYPE_AUDIO);
  if (!video_ && !sound_)
    refuse(path_,
           fmt::format("expected video or sound, found a {} file with {}", format_->iformat->name,
                       without_decoder_.empty() ? "neither" : "nothing that can be decoded: " + without_decoder_),
           without_decoder_.empty() ? "" : "this build of FFmpeg has no decoder for it");
  std::optional<double> first;
  for (const auto* stream : {video_.stream, sound_.stream})
    if (stream != nullptr)
      if (const auto start = ffmpeg::seconds(stream->start_time, stream->time_base))
        first = std::min(first.value_or(*start), *start);
  origin_ = first.value_or(0);
}

AVStream* MediaFile::choose(AVMediaType type) {
  AVStream* best = nullptr;
  for (unsigned i = 0; i < format_->nb_streams; ++i) {
    AVStream* stream = format_->streams[i];
    if (stream->codecpar->codec_type != type) continue;
    // The cover of an album is stored as a video of one picture.
    if ((stream->disposition & (AV_DISPOSITION_ATTACHED_PIC | AV_DISPOSITION_TIMED_THUMBNAILS)) != 0) continue;
    if (avcodec_find_decoder(stream->codecpar->codec_id) == nullptr) {
      without_decoder_ +=
          fmt::format("{}{}", without_decoder_.empty() ? "" : ", ", avcodec_get_name(stream->codecpar->codec_id));
      continue;
    }
    const auto is_default = [](const AVStream& one) { return (one.disposition & AV_DISPOSITION_DEFAULT) != 0; };
    if (best == nullptr || (is_default(*stream) && !is_default(*best))) best = stream;
  }
  return best;
}

void MediaFile::start(bool pictures, bool sound) {
  for (unsigned i = 0; i < format_->nb_streams; ++i) format_->streams[i]->discard = AVDISCARD_ALL;
  for (auto* one : {&video_, &sound_}) {
    one->decoder.reset();
    if (!*one || !(one == &video_ ? pictures : sound)) continue;
    const AVCodec* codec = avcodec_find_decoder(one->stream->codecpar->codec_id);
    one->decoder = ffmpeg::owned(avcodec_alloc_context3(codec));
    auto& decoder = *one->decoder;
    if (avcodec_parameters_to_context(&decoder, one->stream->codecpar) < 0) throw std::bad_alloc();
    decoder.thread_count = 1;  // clips are spread over processes
    decoder.pkt_timebase = one->stream->time_base;
    decoder.flags |= AV_CODEC_FLAG_BITEXACT;  // with the next: the same bytes with and without SIMD
    decoder.idct_algo = FF_IDCT_SIMPLE;
    decoder.max_pixels = kMostPixels;
    const int code = avcodec_open2(&decoder, codec, nullptr);
    if (code == AVERROR(ENOMEM)) throw std::bad_alloc();
    if (code < 0)
      refuse(path_, fmt::format("its {} ({}) cannot be decoded: {}", one == &video_ ? "video" : "sound", one->codec(),
                                ffmpeg::error_text(code)));
    one->stream->discard = AVDISCARD_DEFAULT;
  }
}

bool MediaFile::seek(double time) {
  for (const double run_up : kRunUps) {
    if (time - run_up <= 0) break;
    const auto target = static_cast<std::int64_t>((origin_ + time - run_up) * AV_TIME_BASE);
    const auto go = [&] { return avformat_seek_file(format_.get(), -1, INT64_MIN, target, target, 0) >= 0; };
    if (go() && reaches(time) && go()) return true;
  }
  // Nothing is known of where the reader stands now.
  const bool pictures = video_.decoder != nullptr, sound = sound_.decoder != nullptr;
  video_.decoder.reset();
  sound_.decoder.reset();
  open();
  start(pictures, sound);
  return false;
}

bool MediaFile::reaches(double time) {
  const auto packet = ffmpeg::owned(av_packet_alloc());
  bool video = video_.decoder == nullptr, sound = sound_.decoder == nullptr;
  for (int i = 0; i < kLookedAt && !(video && sound) && av_read_frame(format_.get(), packet.get()) >= 0; ++i) {
    const auto* stream = format_->streams[packet->stream_index];
    const bool of_video = stream == video_.stream, of_sound = stream == sound_.stream;
    const auto at = ffmpeg::seconds(packet->pts != AV_NOPTS_VALUE ? packet->pts : packet->dts, stream->time_base);
    const bool key = (packet->flags & AV_PKT_FLAG_KEY) != 0;
    av_packet_unref(packet.get());
    if (!(of_video && key && !video) && !(of_sound && !sound)) continue;
    if (!at || *at - origin_ > time) return false;
    (of_video ? video : sound) = true;
  }
  return video && sound;
}

std::optional<double> MediaFile::declared_seconds() const {
  // Of a container without a header for it (MPEG streams), FFmpeg gives what the last time stamps or the bit rate tell.
  if (format_->duration == AV_NOPTS_VALUE || format_->duration <= 0 ||
      format_->duration_estimation_method != AVFMT_DURATION_FROM_STREAM)
    return std::nullopt;
  return static_cast<double>(format_->duration) / AV_TIME_BASE;
}

Orientation MediaFile::orientation() const {
  std::size_t size = 0;
  const auto* matrix = display_matrix(*video_.stream, size);
  return orientation_of(matrix, size).value_or(Orientation{});
}

}  // namespace kuda
