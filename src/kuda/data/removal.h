#pragma once
// A batch as if a modality of its clips were missing, which leave-one-modality-out explanations compare with; and which
// clips do lack it.

#include "kuda/data/batch.h"
#include "kuda/data/dataset.h"

namespace kuda {

/// The same clips without one modality, in the form in which every model meets a clip that lacks it: vision and audio
/// are one frame of zeros, marked missing; of a text only its first and its last word piece ([CLS], [SEP]) are left, of
/// text features one vector of zeros. Lengths of the tensors stay as they are. A modality that the batch does not have
/// changes nothing.
[[nodiscard]] Batch without(const Batch& batch, Modality modality);

/// [B] bool: clips without frames of a modality that the batch has, or without a word between [CLS] and [SEP].
[[nodiscard]] torch::Tensor missing_clips(const Batch& batch, Modality modality);

}  // namespace kuda
