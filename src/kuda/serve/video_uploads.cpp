#include "kuda/serve/video_uploads.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "kuda/base/error.h"
#include "kuda/serve/batcher.h"

namespace kuda {
namespace {

namespace fs = std::filesystem;

/// A file that nobody else can open, gone when this goes out of scope.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& content) {
    auto name = (fs::temp_directory_path() / "kuda-video-XXXXXX").string();
    const int file = ::mkstemp(name.data());
    if (file < 0) throw Error("a file for the video cannot be made: " + std::string(std::strerror(errno)));
    path_ = name;
    const char* next = content.data();
    auto left = content.size();
    while (left > 0) {
      const auto count = ::write(file, next, left);
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) break;
      next += count;
      left -= std::size_t(count);
    }
    ::close(file);
    if (left > 0) {
      ::unlink(path_.c_str());
      throw Error("the video cannot be kept: " + std::string(std::strerror(errno)));
    }
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() { ::unlink(path_.c_str()); }
  [[nodiscard]] const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

/// The caller's file has no name here.
std::string without_path(std::string message, const fs::path& path) {
  const auto name = path.string();
  for (std::size_t at = 0; (at = message.find(name, at)) != std::string::npos;)
    message.replace(at, name.size(), "video");
  return message;
}

}  // namespace

std::shared_ptr<const ExtractedClip> VideoUploads::extract(const std::string& content,
                                                           std::chrono::steady_clock::time_point deadline) {
  if (source_ == nullptr)
    throw DataError("video: this server scores no videos", "kuda serve CHECKPOINT --extractor extractors/default");
  const std::unique_lock lock(one_at_a_time_, deadline);
  if (!lock) throw Busy("another video is still in work", "send this again later");
  const TemporaryFile file(content);
  try {
    auto clip = std::make_shared<ExtractedClip>(source_->extract(file.path(), 0, most_seconds_));
    constexpr double kTolerance = 0.5;  // containers round
    if (clip->facts.declared_seconds.value_or(0) > most_seconds_ + kTolerance)
      throw DataError(
          fmt::format("video: expected at most {} seconds, found {}", most_seconds_, *clip->facts.declared_seconds),
          "cut it; `kuda predict --video` takes any length");
    return clip;
  } catch (const DataError& error) {
    throw DataError(without_path(error.message(), file.path()), error.hint());
  }
}

}  // namespace kuda
