#pragma once
// Who makes the features of a clip: kuda's own extractor (clip_extractor.h), or in tests something that costs nothing.

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>

#include "kuda/extract/extracted_clip.h"

namespace kuda {

class ClipSource {
 public:
  ClipSource() = default;
  ClipSource(const ClipSource&) = delete;
  ClipSource& operator=(const ClipSource&) = delete;
  virtual ~ClipSource() = default;
  /// The part of a media file from `begin` to `end` seconds. Throws DataError naming the file.
  [[nodiscard]] virtual ExtractedClip extract(const std::filesystem::path& file, double begin,
                                              std::optional<double> end) = 0;
  /// Is told now and then, during `extract`, how many seconds of the part are done; what it throws ends the work.
  std::function<void(double seconds)> progress{};
};

using MakeClipSource = std::function<std::unique_ptr<ClipSource>()>;

}  // namespace kuda
