#pragma once
// Videos in requests, as clips to score: written to a file of their own for a moment, extracted one at a time. What was
// extracted last is kept in memory, so that the next question about the same video costs no second extraction.
//
//   const VideoUploads::Upload upload(content);
//   const auto clip = videos.whole(upload, watch);
//   const auto piece = videos.part(upload, 60, 120, /*may_be_over=*/false, watch);

#include <chrono>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <utility>

#include "kuda/extract/clip_source.h"

namespace kuda {

/// What a server says of videos.
struct VideoOffer {
  double most_seconds = 0;
  std::string why_none{};  ///< in words; empty where videos are taken
};

/// Whom an extraction is for.
struct VideoWatch {
  std::chrono::milliseconds turn{30000};           ///< longest wait while another video is in work
  std::stop_token gone{};                          ///< the client is: the work ends
  std::function<void(double seconds)> progress{};  ///< how much of the video is read; what it throws ends the work
};

class VideoUploads {
 public:
  /// `source` may be null: then videos are refused, with the words of the offer. It must outlive this.
  VideoUploads(ClipSource* source, VideoOffer offer) : source_(source), offer_(std::move(offer)) {}

  /// A video in a file that nobody else can open, gone when this goes out of scope.
  class Upload {
   public:
    explicit Upload(const std::string& content);
    Upload(const Upload&) = delete;
    Upload& operator=(const Upload&) = delete;
    ~Upload();
    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
    [[nodiscard]] const std::string& digest() const noexcept { return digest_; }  ///< SHA-256

   private:
    std::filesystem::path path_;
    std::string digest_;
  };
  using Clip = std::shared_ptr<const ExtractedClip>;

  [[nodiscard]] const VideoOffer& offer() const noexcept { return offer_; }
  /// Throws DataError where there is no source.
  void require_source() const;
  /// All of it. Throws DataError: no source, a video that is too long or cannot be decoded; Busy where others are in
  /// work for longer than a turn; ClientGone.
  [[nodiscard]] Clip whole(const Upload& upload, const VideoWatch& watch);
  /// Of what may be over before: null where nothing can be read there.
  [[nodiscard]] Clip part(const Upload& upload, double begin, double end, bool may_be_over, const VideoWatch& watch);
  /// `whole` would not have to extract it.
  [[nodiscard]] bool is_kept(const Upload& upload) const { return kept(upload) != nullptr; }

 private:
  [[nodiscard]] std::unique_lock<std::timed_mutex> my_turn(const VideoWatch& watch);
  void require_length(const ExtractedClip& clip, double begin) const;
  [[nodiscard]] ExtractedClip extract(const Upload& upload, double begin, double end, const VideoWatch& watch);
  [[nodiscard]] Clip kept(const Upload& upload) const;
  void keep(const Upload& upload, const Clip& clip);

  ClipSource* source_;
  VideoOffer offer_;
  std::timed_mutex one_at_a_time_;
  mutable std::mutex mutex_;                         ///< of what is kept
  std::deque<std::pair<std::string, Clip>> last_{};  ///< by digest, the newest first
};

}  // namespace kuda
