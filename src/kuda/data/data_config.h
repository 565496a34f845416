#pragma once
// How clips become batches: section [data] of a configuration. What each rule means: docs/data-formats.md.

#include <cstdint>
#include <string>
#include <vector>

#include "kuda/config/fields.h"
#include "kuda/data/dataset.h"

namespace kuda {

enum class MaskRule { sound, released, nonzero };
enum class CleanPolicy { zero, drop_frame, mean, fail, minus_inf_only };

struct DataConfig {
  std::string text_source = "auto";                                   ///< auto | raw | tokens
  std::int64_t text_length = 0, vision_length = 0, audio_length = 0;  ///< 0: from the data
  std::string mask = "sound";                                         ///< sound | released | nonzero
  std::string clean = "zero";      ///< zero | drop_frame | mean | fail | minus_inf_only
  std::string labels = "keep";     ///< keep | clip
  std::string normalise = "none";  ///< none | standardise
  double normalise_clip = 0;       ///< 0: no clipping
  std::vector<std::string> modalities{"text", "vision", "audio"};

  // Set by the program, not by users: they follow from the model and the task.
  std::string target = "multimodal";  ///< multimodal | T | V | A: what fills Batch::label
  bool crop = false;                  ///< pad to the longest clip of the batch only (padding-invariant models)

  void describe(Fields& fields);

  [[nodiscard]] bool uses(Modality modality) const;  ///< throws ConfigError for unknown or no modalities
  [[nodiscard]] std::int64_t length(Modality modality) const;
  [[nodiscard]] MaskRule mask_rule() const;
  [[nodiscard]] CleanPolicy clean_policy() const;
  /// True when batches need numbers of the training split (see Normaliser).
  [[nodiscard]] bool needs_statistics() const;
};

}  // namespace kuda
