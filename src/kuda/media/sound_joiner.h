#pragma once
// Decoded sound to one row of mono samples without gaps: resampled, mixed down, laid on the clip's clock.

#include <cstdint>
#include <vector>

#include "kuda/media/ffmpeg.h"
#include "kuda/media/media.h"

namespace kuda {

class SoundJoiner {
 public:
  SoundJoiner(const MediaOptions& options, MediaSink& sink, MediaReport& report);

  /// `time`: of the first sample, seconds from the begin of the part.
  void add(const AVFrame& frame, double time);
  void finish();
  [[nodiscard]] bool done() const { return end_ && position_ >= *end_; }
  [[nodiscard]] std::int64_t samples() const { return position_ > 0 ? position_ : 0; }  ///< handed on

 private:
  struct Form {  ///< of the sound that comes in
    int format, rate, channels;
    std::uint64_t layout;
    bool operator==(const Form&) const = default;
  };
  bool start(const AVFrame& frame, const Form& form, double time);
  void convert(const AVFrame* frame);  ///< none: what the resampler still holds
  void hand_on(std::span<const float> samples);
  void fill(std::int64_t count);

  const MediaOptions& options_;
  MediaSink& sink_;
  MediaReport& report_;
  ffmpeg::Owned<SwrContext> resampler_;
  std::optional<Form> form_;        ///< what `resampler_` was made for
  double piece_begin_ = 0;          ///< time of its first sample
  std::int64_t piece_samples_ = 0;  ///< that went in
  bool begun_ = false;
  std::int64_t position_ = 0;  ///< on the row, of the sample that comes out next; negative before the part
  std::int64_t skipped_ = 0;   ///< samples still to be left out, because their time is filled
  std::optional<std::int64_t> end_;
  std::vector<float> samples_;
};

}  // namespace kuda
