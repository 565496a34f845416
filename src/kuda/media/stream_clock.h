#pragma once
// Time stamps of one stream to times on the clip's clock, whatever they say.

#include <cmath>
#include <optional>

namespace kuda {

/// A damaged stamp, or one of a second recording joined to the first, would take the stream out of the clip. A stamp
/// that cannot be true is replaced by the end of what came before, and those behind it are counted from there.
class StreamClock {
 public:
  static constexpr double kBack = 1;        ///< seconds: jitter of real files stays far below
  static constexpr double kAhead = 600;     ///< a slide may stand that long
  static constexpr double kBehindEnd = 10;  ///< beyond the declared end

  /// `start`: where something is expected first. `declared`: length of the file, where known.
  StreamClock(double start, std::optional<double> declared) : next_(start), declared_(declared) {}

  /// `stamp`: seconds from the clip's start, none where the frame has none. `duration`: of the frame, seconds.
  double place(std::optional<double> stamp, double duration) {
    double time = next_;
    if (stamp) {
      const double said = *stamp + shift_;
      if (possible(said)) {
        time = said;
      } else {
        shift_ = next_ - *stamp;
        ++jumps_;
      }
    }
    next_ = time + duration;
    begun_ = true;
    return time;
  }
  [[nodiscard]] long jumps() const { return jumps_; }

 private:
  [[nodiscard]] bool possible(double time) const {
    // What comes first after a seek may lie well before the part.
    return time <= next_ + kAhead && time >= (begun_ ? next_ : 0) - kBack &&
           !(declared_ && time > *declared_ + kBehindEnd);
  }
  double next_, shift_ = 0;
  std::optional<double> declared_;
  bool begun_ = false;
  long jumps_ = 0;
};

}  // namespace kuda
