#include "kuda/media/picture_sampler.h"

#include <algorithm>
#include <cmath>

namespace kuda {
namespace {

/// Containers that count milliseconds round: a frame this late, in seconds, was there in time.
constexpr double kRounding = 0.0006;
/// Pixels that are wider or higher than this are damage, not a film format.
constexpr double kMostAspect = 4;
/// SIMD code of libswscale writes whole blocks: beyond the end of a row, and of the last row too.
constexpr std::size_t kRowBlock = 64;

std::size_t row_bytes(int width) {
  return (3 * static_cast<std::size_t>(width) + kRowBlock - 1) / kRowBlock * kRowBlock;
}

void make_room(std::vector<std::uint8_t>& rows, std::size_t stride, int height) {
  rows.resize(stride * static_cast<std::size_t>(height) + kRowBlock);
}

}  // namespace

PictureSampler::PictureSampler(const MediaOptions& options, MediaSink& sink, MediaReport& report)
    : options_(options), sink_(sink), report_(report), held_(ffmpeg::owned(av_frame_alloc())) {}

bool PictureSampler::done() const {
  return options_.end &&
         static_cast<double>(next_) / options_.frames_per_second >= *options_.end - options_.begin - kRounding;
}

void PictureSampler::add(const AVFrame& frame, double time, double duration, double aspect, Orientation orientation) {
  if (begun_) {
    show_until(time);
  } else if (time > 0) {  // it also stands for the instant just before it
    next_ = static_cast<long>(std::floor((time + kRounding) * options_.frames_per_second));
  }
  begun_ = true;
  av_frame_unref(held_.get());
  if (av_frame_ref(held_.get(), &frame) < 0) throw std::bad_alloc();
  converted_ = false;
  held_end_ = time + duration;
  aspect_ = aspect;
  orientation_ = orientation;
}

void PictureSampler::finish() {
  if (begun_) show_until(held_end_);
  begun_ = false;
}

void PictureSampler::show_until(double time) {
  for (; !done() && static_cast<double>(next_) / options_.frames_per_second < time - kRounding; ++next_) {
    if (!converted_) usable_ = convert();
    converted_ = true;
    if (!usable_) continue;
    picture_.time = static_cast<double>(next_) / options_.frames_per_second;
    if (report_.pictures == 0) {
      report_.width = picture_.width;
      report_.height = picture_.height;
      report_.rotation = orientation_.rotation();
      report_.mirrored = orientation_.mirrored();
    }
    ++report_.pictures;
    sink_.picture(picture_);
  }
}

bool PictureSampler::convert() {
  const AVFrame& frame = *held_;
  const double aspect = aspect_ >= 1 / kMostAspect && aspect_ <= kMostAspect ? aspect_ : 1;
  const double wide = frame.width * aspect, high = frame.height;
  const double scale = std::min(1.0, options_.longest_side / std::max(wide, high));
  const int width = std::max(1, static_cast<int>(std::lround(wide * scale)));
  const int height = std::max(1, static_cast<int>(std::lround(high * scale)));
  if (!prepare_scaler(frame, width, height)) {
    ++report_.decode_errors;
    return false;
  }
  const bool upright = orientation_.upright();
  auto& rows = upright ? picture_.rgb : stored_;
  const std::size_t stride = row_bytes(width);
  make_room(rows, stride, height);
  std::uint8_t* const to[4] = {rows.data()};
  const int strides[4] = {static_cast<int>(stride)};
  if (sws_scale(scaler_.get(), frame.data, frame.linesize, 0, frame.height, to, strides) != height) {
    ++report_.decode_errors;
    return false;
  }
  picture_.width = orientation_.transposed ? height : width;
  picture_.height = orientation_.transposed ? width : height;
  picture_.stride = row_bytes(picture_.width);
  picture_.corrupt = (frame.flags & AV_FRAME_FLAG_CORRUPT) != 0 || frame.decode_error_flags != 0;
  if (!upright) {
    make_room(picture_.rgb, picture_.stride, picture_.height);
    orientation_.turn(stored_.data(), stride, width, height, picture_.rgb.data(), picture_.stride);
  }
  return true;
}

bool PictureSampler::prepare_scaler(const AVFrame& frame, int width, int height) {
  const Form form{frame.width, frame.height, frame.format, frame.colorspace, frame.color_range, width, height};
  if (form_ == form) return true;
  form_.reset();
  // The same bytes with and without SIMD.
  const int flags = SWS_BILINEAR | SWS_ACCURATE_RND | SWS_BITEXACT | SWS_FULL_CHR_H_INT;
  scaler_.reset(sws_getContext(frame.width, frame.height, static_cast<AVPixelFormat>(frame.format), width, height,
                               AV_PIX_FMT_RGB24, flags, nullptr, nullptr, nullptr));
  if (scaler_ == nullptr) return false;
  // Of itself libswscale takes every video for BT.601. Formats without such details (RGB) refuse; nothing is lost.
  const bool full = frame.color_range == AVCOL_RANGE_JPEG || frame.format == AV_PIX_FMT_YUVJ420P ||
                    frame.format == AV_PIX_FMT_YUVJ422P || frame.format == AV_PIX_FMT_YUVJ444P;
  sws_setColorspaceDetails(scaler_.get(), sws_getCoefficients(frame.colorspace), full ? 1 : 0,
                           sws_getCoefficients(SWS_CS_DEFAULT), 1, 0, 1 << 16, 1 << 16);
  form_ = form;
  return true;
}

}  // namespace kuda
