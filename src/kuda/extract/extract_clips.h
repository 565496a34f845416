#pragma once
// Many clips to files, in processes of their own: stop and go on at will, nothing twice, nothing silently missing.
//
//   const auto list = list_media("MyData");
//   const auto counts = extract_clips(list, ExtractionFolder("out"), recipe, make_source, options, progress, stop);

#include <atomic>
#include <vector>

#include "kuda/base/progress.h"
#include "kuda/extract/clip_source.h"
#include "kuda/extract/extraction_folder.h"
#include "kuda/extract/media_list.h"
#include "kuda/extract/workers.h"

namespace kuda {

struct ExtractOptions {
  std::string source;  ///< name of what the clips are from, for the folder
  Shard shard;
  std::size_t processes = 1;
  WorkerLimits limits;
  double most_failures = 0.1;  ///< share of the shard's clips
};

struct ExtractionCounts {
  std::size_t clips = 0;  ///< of the shard
  std::size_t made = 0, there = 0,
              failed = 0;  ///< there: from before, found under their key; all three together: clips
};

/// Writes the report of the shard, whatever happens to single clips. `make` is called in each child process. Throws
/// DataError when more clips failed than are allowed, after everything was written; Interrupted when stopped.
ExtractionCounts extract_clips(const std::vector<MediaClip>& list, const ExtractionFolder& folder, const Recipe& recipe,
                               const MakeClipSource& make, const ExtractOptions& options, Progress& progress,
                               const std::atomic<bool>& stop);

}  // namespace kuda
