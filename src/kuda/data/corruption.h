#pragma once
// Batches whose clips lack modalities or frames, or carry noise: what a model meets outside the laboratory, repeatable.
//
//   const Corruption half{.kind = CorruptionKind::modality, .rate = 0.5, .seed = 1};
//   const Batch batch = corrupted(collate(rows), half);
//
// What befalls a clip depends on its id, the seed and `index` (an epoch) alone: not on the batch it is in, its place,
// the model or the run. So all systems see the same.

#include <cstdint>

#include "kuda/data/batch.h"

namespace kuda {

enum class CorruptionKind {
  modality,  ///< whole modalities are missing, as data/removal.h takes them away
  frames,    ///< frames are zeros, words the unknown word piece; first and last piece ([CLS], [SEP]) stay
  noise      ///< Gaussian noise on the frames of vision and audio, and of text features; words stay
};
constexpr auto value_names(CorruptionKind) { return std::array{"modality", "frames", "noise"}; }

struct Corruption {
  CorruptionKind kind = CorruptionKind::modality;
  /// modality, frames: the probability with which a modality of a clip, or a frame, is lost, in [0, 1]. noise: the
  /// deviation of the noise, in deviations of that clip's own column over its frames, >= 0.
  double rate = 0;
  /// What may be lost. All three: each by a draw of its own, and of a clip that would lose all modalities one stays,
  /// each as likely. Fewer: they are lost together, by one draw of the clip (kind modality).
  PerModality<bool> from{true, true, true};
  std::uint64_t seed = 1;
  std::int64_t unknown_id = 100;  ///< of the unknown word piece (WordPiece::unknown_id)
};

/// The same clips as `corruption` leaves them; with rate 0 the very batch. Modalities that the batch does not have are
/// left alone. Throws ConfigError for a rate out of range.
[[nodiscard]] Batch corrupted(const Batch& batch, const Corruption& corruption, std::uint64_t index = 0);

}  // namespace kuda
