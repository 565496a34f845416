#pragma once
// Videos in requests, as clips to score: written to a file of their own for a moment, extracted one at a time.

#include <chrono>
#include <memory>
#include <mutex>
#include <string>

#include "kuda/extract/clip_source.h"

namespace kuda {

class VideoUploads {
 public:
  /// `source` may be null: then videos are refused. It must outlive this.
  VideoUploads(ClipSource* source, double most_seconds) : source_(source), most_seconds_(most_seconds) {}

  /// Throws DataError: no source, a video that is too long or cannot be decoded; Busy where another one is still in
  /// work at the deadline.
  [[nodiscard]] std::shared_ptr<const ExtractedClip> extract(const std::string& content,
                                                             std::chrono::steady_clock::time_point deadline);

 private:
  ClipSource* source_;
  double most_seconds_;
  std::timed_mutex one_at_a_time_;
};

}  // namespace kuda
