#include "kuda/media/sound_joiner.h"

extern "C" {
#include <libavutil/channel_layout.h>
#include <libavutil/opt.h>
}

#include <algorithm>
#include <array>
#include <cmath>

namespace kuda {
namespace {

/// Time stamps of real files shake by a frame of sound; only what is further off, in seconds, is a hole or an overlap.
constexpr double kShaking = 0.05;
/// Rates outside are damage: a second of sound at 1 Hz would become 16,000 samples a sample.
constexpr int kLowestRate = 2000, kHighestRate = 768000;

}  // namespace

SoundJoiner::SoundJoiner(const MediaOptions& options, MediaSink& sink, MediaReport& report)
    : options_(options), sink_(sink), report_(report) {
  if (options.end) end_ = std::llround((*options.end - options.begin) * options.sample_rate);
}

void SoundJoiner::add(const AVFrame& frame, double time) {
  const Form form{frame.format, frame.sample_rate, frame.ch_layout.nb_channels,
                  frame.ch_layout.order == AV_CHANNEL_ORDER_NATIVE ? frame.ch_layout.u.mask : 0};
  if (frame.nb_samples <= 0 || form.channels <= 0 || form.rate < kLowestRate || form.rate > kHighestRate) {
    ++report_.decode_errors;
    return;
  }
  const double expected = piece_begin_ + static_cast<double>(piece_samples_) / form.rate;
  if (form_ != form || std::abs(time - expected) > kShaking) {
    convert(nullptr);
    if (!start(frame, form, time)) {
      ++report_.decode_errors;
      return;
    }
  }
  convert(&frame);
  piece_samples_ += frame.nb_samples;
}

void SoundJoiner::finish() {
  convert(nullptr);
  form_.reset();
}

bool SoundJoiner::start(const AVFrame& frame, const Form& form, double time) {
  form_.reset();
  resampler_.reset();
  AVChannelLayout mono{}, from{};
  av_channel_layout_default(&mono, 1);
  // Files that only count their channels have the usual order.
  if (form.layout != 0)
    av_channel_layout_from_mask(&from, form.layout);
  else
    av_channel_layout_default(&from, form.channels);
  SwrContext* made = nullptr;
  swr_alloc_set_opts2(&made, &mono, AV_SAMPLE_FMT_FLT, options_.sample_rate, &from,
                      static_cast<AVSampleFormat>(frame.format), frame.sample_rate, 0, nullptr);
  resampler_ = ffmpeg::owned(made);
  // In float, libswresample mixes 0.7 + 0.7 and clips; as whole numbers 0.5 + 0.5. This gives the second everywhere.
  av_opt_set_double(made, "rematrix_maxval", 1, 0);
  if (form.layout == 0 && from.order == AV_CHANNEL_ORDER_UNSPEC &&
      form.channels > 1) {  // an order nobody knows: the mean
    const std::vector<double> mean(static_cast<std::size_t>(form.channels), 1.0 / form.channels);
    swr_set_matrix(made, mean.data(), form.channels);
  }
  if (swr_init(made) < 0) return false;
  form_ = form;
  piece_begin_ = time;
  piece_samples_ = 0;
  const std::int64_t place = std::llround(time * options_.sample_rate);
  if (!begun_) position_ = std::min<std::int64_t>(place, 0);
  begun_ = true;
  skipped_ = std::max<std::int64_t>(position_ - place, 0);
  fill(place - position_);
  return true;
}

void SoundJoiner::convert(const AVFrame* frame) {
  if (!form_) return;
  const int coming = frame != nullptr ? frame->nb_samples : 0;
  const int room = swr_get_out_samples(resampler_.get(), coming);
  if (room <= 0) return;
  samples_.resize(static_cast<std::size_t>(room));
  std::uint8_t* to[1] = {reinterpret_cast<std::uint8_t*>(samples_.data())};
  const auto** from = frame != nullptr ? const_cast<const std::uint8_t**>(frame->extended_data) : nullptr;
  const int count = swr_convert(resampler_.get(), to, room, from, coming);
  if (count < 0) {
    ++report_.decode_errors;
    return;
  }
  samples_.resize(static_cast<std::size_t>(count));
  for (auto& sample : samples_) {
    if (!std::isfinite(sample)) {
      sample = 0;
      ++report_.bad_samples;
    }
    sample = std::clamp(sample, -1.0F, 1.0F);  // decoders of lossy sound overshoot a little
  }
  hand_on(samples_);
}

void SoundJoiner::hand_on(std::span<const float> samples) {
  const auto left_out = std::min<std::int64_t>(skipped_, std::ssize(samples));
  skipped_ -= left_out;
  samples = samples.subspan(static_cast<std::size_t>(left_out));
  const auto early = std::clamp<std::int64_t>(-position_, 0, std::ssize(samples));
  position_ += early;
  samples = samples.subspan(static_cast<std::size_t>(early));
  if (end_)
    samples =
        samples.first(static_cast<std::size_t>(std::clamp<std::int64_t>(*end_ - position_, 0, std::ssize(samples))));
  if (samples.empty()) return;
  position_ += std::ssize(samples);
  sink_.sound(samples);
}

void SoundJoiner::fill(std::int64_t count) {
  static constexpr std::array<float, 4096> kSilence{};
  while (count > 0 && !done()) {
    const auto before = position_;
    const auto piece = std::min<std::int64_t>(count, std::ssize(kSilence));
    hand_on(std::span(kSilence).first(static_cast<std::size_t>(piece)));
    report_.padded_sound_seconds +=
        static_cast<double>(std::max<std::int64_t>(position_, 0) - std::max<std::int64_t>(before, 0)) /
        options_.sample_rate;
    count -= piece;
  }
}

}  // namespace kuda
