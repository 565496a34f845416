#include "kuda/serve/video_uploads.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <span>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/base/write_all.h"
#include "kuda/serve/batcher.h"

namespace kuda {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr double kTolerance = 0.5;    // seconds: containers round
constexpr double kCutShort = 0.25;    // seconds of what was declared that never came (media/media.h)
constexpr std::size_t kKept = 4;      // clips
constexpr double kLongestKept = 600;  // seconds: 16 MB
constexpr auto kLook = 50ms;          // how often a video that waits looks whether its client is there

/// The caller's file has no name here.
std::string without_path(std::string message, const fs::path& path) {
  const auto name = path.string();
  for (std::size_t at = 0; (at = message.find(name, at)) != std::string::npos;)
    message.replace(at, name.size(), "video");
  return message;
}

void require_client(const VideoWatch& watch) {
  if (watch.gone.stop_requested()) throw ClientGone("the client is gone");
}

}  // namespace

VideoUploads::Upload::Upload(const std::string& content) {
  const auto bytes = std::as_bytes(std::span(content));
  digest_ = sha256(bytes);
  auto name = (fs::temp_directory_path() / "kuda-video-XXXXXX").string();
  const int file = ::mkstemp(name.data());
  if (file < 0) throw Error("a file for the video cannot be made: " + std::string(std::strerror(errno)));
  path_ = name;
  const bool is_written = write_all(file, bytes);
  const int why = errno;
  ::close(file);
  if (is_written) return;
  ::unlink(path_.c_str());
  throw Error("the video cannot be kept: " + std::string(std::strerror(why)));
}

VideoUploads::Upload::~Upload() { ::unlink(path_.c_str()); }

void VideoUploads::require_source() const {
  if (source_ == nullptr)
    throw DataError("video: this server scores no videos: " + offer_.why_none,
                    "kuda serve CHECKPOINT --extractor extractors/default");
}

VideoUploads::Clip VideoUploads::whole(const Upload& upload, const VideoWatch& watch) {
  require_source();
  const auto turn = my_turn(watch);
  if (auto clip = kept(upload)) return clip;
  auto clip = std::make_shared<ExtractedClip>(extract(upload, 0, offer_.most_seconds + 2 * kTolerance, watch));
  require_length(*clip, 0);
  auto& facts = clip->facts;
  facts.cut_short = facts.declared_seconds && facts.seconds + kCutShort <= *facts.declared_seconds;
  keep(upload, clip);
  return clip;
}

VideoUploads::Clip VideoUploads::part(const Upload& upload, double begin, double end, bool may_be_over,
                                      const VideoWatch& watch) {
  require_source();
  const auto turn = my_turn(watch);
  auto clip = std::make_shared<ExtractedClip>();
  try {
    *clip = extract(upload, begin, end, watch);
  } catch (const DataError&) {
    if (!may_be_over) throw;
    return nullptr;
  }
  require_length(*clip, begin);
  return clip;
}

void VideoUploads::require_length(const ExtractedClip& clip, double begin) const {
  const auto& declared = clip.facts.declared_seconds;
  if (std::max(declared.value_or(0), begin + clip.facts.seconds) <= offer_.most_seconds + kTolerance) return;
  throw DataError(fmt::format("video: expected at most {} seconds, found {}", offer_.most_seconds,
                              declared.value_or(0) > offer_.most_seconds ? fmt::format("{}", *declared) : "more"),
                  "cut it; `kuda predict --video` takes any length");
}

std::unique_lock<std::timed_mutex> VideoUploads::my_turn(const VideoWatch& watch) {
  std::unique_lock turn(one_at_a_time_, std::defer_lock);
  for (const auto end = std::chrono::steady_clock::now() + watch.turn; !turn.try_lock_for(kLook);) {
    require_client(watch);
    if (std::chrono::steady_clock::now() > end) throw Busy("another video is still in work", "send this again later");
  }
  return turn;
}

ExtractedClip VideoUploads::extract(const Upload& upload, double begin, double end, const VideoWatch& watch) {
  source_->progress = [&](double seconds) {
    require_client(watch);
    if (watch.progress) watch.progress(begin + seconds);
  };
  const std::shared_ptr<void> forget(nullptr, [this](void*) { source_->progress = nullptr; });
  try {
    return source_->extract(upload.path(), begin, end);
  } catch (const DataError& error) {
    throw DataError(without_path(error.message(), upload.path()), error.hint());
  }
}

VideoUploads::Clip VideoUploads::kept(const Upload& upload) const {
  const std::lock_guard lock(mutex_);
  const auto found =
      std::find_if(last_.begin(), last_.end(), [&](const auto& entry) { return entry.first == upload.digest(); });
  return found == last_.end() ? nullptr : found->second;
}

void VideoUploads::keep(const Upload& upload, const Clip& clip) {
  if (clip->facts.seconds > kLongestKept) return;
  const std::lock_guard lock(mutex_);
  last_.emplace_front(upload.digest(), clip);
  if (last_.size() > kKept) last_.pop_back();
}

}  // namespace kuda
