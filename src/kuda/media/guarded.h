#pragma once
// Work on one file in a process of its own: where a codec crashes, loops or eats memory, one clip is lost and named.
//
//   const auto report = read_media_guarded("clip.mp4", {.frames_per_second = 10}, sink);
//
// The child only decodes; pictures and samples come through a pipe, and `sink` runs in this process. So LibTorch, whose
// threads do not survive a fork, is never used in a child, and a server may read while it answers.

#include <cstddef>
#include <filesystem>
#include <functional>
#include <span>

#include "kuda/media/media.h"

namespace kuda {

struct MediaLimits {
  double cpu_seconds = 4 * 3600;              ///< of processor time in all
  double silent_seconds = 60;                 ///< of waiting for a sign of life; the time of `sink` does not count
  std::size_t memory = std::size_t{1} << 30;  ///< bytes of address space beyond those of this process at the start
};

/// As read_media. A child that dies or is stopped becomes a DataError that names the file and what ended it.
MediaReport read_media_guarded(const std::filesystem::path& path, const MediaOptions& options, MediaSink& sink,
                               const MediaLimits& limits = {});

/// The part below: `work` runs in the child, and what it sends arrives at `receive` in this process, in order, message
/// by message. An Error that `work` throws is thrown here again, of the same kind.
using SendMessage = std::function<void(std::span<const std::byte>)>;
void run_guarded(const std::filesystem::path& path, const MediaLimits& limits,
                 const std::function<void(const SendMessage& send)>& work,
                 const std::function<void(std::span<const std::byte> message)>& receive);

}  // namespace kuda
