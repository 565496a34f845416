#pragma once
// Values that are not finite, and what a policy does about them. The default never drops a clip.

#include <torch/torch.h>

#include <cstdint>
#include <string>
#include <vector>

#include "kuda/data/data_config.h"
#include "kuda/data/dataset.h"
#include "kuda/data/finite.h"

namespace kuda {

struct CleanClip {
  torch::Tensor frames;     ///< [S', D] float32; the input itself where nothing had to change
  std::int64_t length = 0;  ///< the declared length without dropped frames
  std::int64_t dropped = 0;
};

/// frames [S, D] contiguous float32 (never written to), declared length, mean [D] of the training split (policy `mean`
/// only). With CleanPolicy::fail, throws DataError naming the count; the caller knows the clip.
[[nodiscard]] CleanClip clean_frames(const torch::Tensor& frames, std::int64_t length, CleanPolicy policy,
                                     const torch::Tensor& mean = {});

/// What cleaning does to a whole data set, for the run folder.
struct CleaningCounts {
  struct OfFeature {
    NotFinite not_finite;             ///< values in the stored frames
    std::int64_t clips_affected = 0;  ///< clips with any of these
    std::int64_t frames_dropped = 0;  ///< policy drop_frame
    std::int64_t clips_missing = 0;   ///< clips without the modality: length 0 as declared, or after dropping frames
    std::int64_t lengths_cut = 0;     ///< declared beyond the padded array
    std::vector<std::string> first_clips;  ///< ids of the first five affected
  };
  PerModality<OfFeature> modality;            ///< text: pre-computed features
  std::int64_t labels_out_of_range = 0;       ///< clipped with data.labels = "clip", else kept
  std::int64_t clips = 0, clips_dropped = 0;  ///< the second is always 0
};

/// Reads every feature in use once, but for those that are known to be finite (prepared folders know it). With
/// CleanPolicy::fail, throws DataError naming the first clips.
[[nodiscard]] CleaningCounts count_cleaning(const Dataset& dataset, const DataConfig& config);

/// One clip after the other, for logs: "audio: 3 NaN, 0 +inf, 12 -inf in 2 clips (a, b): set to 0".
[[nodiscard]] std::vector<std::string> describe(const CleaningCounts& counts, const DataConfig& config);

}  // namespace kuda
