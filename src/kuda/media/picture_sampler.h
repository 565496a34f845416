#pragma once
// Decoded frames to pictures at a fixed rate: in time, in size, in colour, upright.

#include "kuda/media/ffmpeg.h"
#include "kuda/media/media.h"
#include "kuda/media/orientation.h"

namespace kuda {

/// Frames come with the time at which they are shown; each stands until the next one comes.
class PictureSampler {
 public:
  PictureSampler(const MediaOptions& options, MediaSink& sink, MediaReport& report);

  /// `time` from the begin of the part and `duration` in seconds; `aspect`: width of a pixel by its height.
  void add(const AVFrame& frame, double time, double duration, double aspect, Orientation orientation);
  void finish();                    ///< the last frame is shown for its duration
  [[nodiscard]] bool done() const;  ///< the part that was asked for is complete

 private:
  void show_until(double time);
  bool convert();
  bool prepare_scaler(const AVFrame& frame, int width, int height);

  const MediaOptions& options_;
  MediaSink& sink_;
  MediaReport& report_;
  long next_ = 0;                ///< number of the next picture on the grid
  ffmpeg::Owned<AVFrame> held_;  ///< the frame that is being shown
  bool begun_ = false, converted_ = false, usable_ = false;
  double held_end_ = 0, aspect_ = 1;
  Orientation orientation_;
  Picture picture_;                   ///< of the held frame, once `converted_`
  std::vector<std::uint8_t> stored_;  ///< before it is turned
  ffmpeg::Owned<SwsContext> scaler_;
  struct Form {
    int from_width, from_height, format, colorspace, range, width, height;
    bool operator==(const Form&) const = default;
  };
  std::optional<Form> form_;  ///< what `scaler_` was made for
};

}  // namespace kuda
