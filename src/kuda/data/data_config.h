#pragma once
// How clips become batches: section [data] of a configuration. What each rule means: docs/data-formats.md.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "kuda/config/fields.h"
#include "kuda/data/corruption.h"
#include "kuda/data/dataset.h"

namespace kuda {

enum class TextSource { automatic, raw, tokens };
constexpr auto value_names(TextSource) { return std::array{"auto", "raw", "tokens"}; }

enum class MaskRule { sound, released, nonzero };
constexpr auto value_names(MaskRule) { return std::array{"sound", "released", "nonzero"}; }

enum class CleanPolicy { zero, drop_frame, mean, fail, minus_inf_only };
constexpr auto value_names(CleanPolicy) { return std::array{"zero", "drop_frame", "mean", "fail", "minus_inf_only"}; }

/// Of labels outside the score range.
enum class LabelRule { keep, clip };
constexpr auto value_names(LabelRule) { return std::array{"keep", "clip"}; }

enum class Normalise { none, standardise };
constexpr auto value_names(Normalise) { return std::array{"none", "standardise"}; }

struct DataConfig {
  TextSource text_source = TextSource::automatic;
  std::int64_t text_length = 0, vision_length = 0, audio_length = 0;  ///< 0: from the data
  MaskRule mask = MaskRule::sound;
  CleanPolicy clean = CleanPolicy::zero;
  LabelRule labels = LabelRule::keep;
  Normalise normalise = Normalise::none;
  double normalise_clip = 0;  ///< 0: no clipping
  std::vector<std::string> modalities{"text", "vision", "audio"};
  double drop = 0;  ///< of training batches, see data/corruption.h; 0: nothing
  CorruptionKind drop_as = CorruptionKind::modality;

  // Set by the program, not by users: they follow from the model and the task.
  std::optional<Modality> target;  ///< whose label fills Batch::label; nothing: the multimodal one
  bool crop = false;               ///< pad to the longest clip of the batch only (padding-invariant models)

  void describe(Fields& fields);

  [[nodiscard]] bool uses(Modality modality) const;  ///< throws ConfigError for unknown or no modalities
  [[nodiscard]] std::int64_t length(Modality modality) const;
  /// True when batches need numbers of the training split (see Normaliser).
  [[nodiscard]] bool needs_statistics() const;
};

}  // namespace kuda
