#pragma once
// How TFN and LMF read a batch: audio and vision as means over time, text through an LSTM, each vector with a leading 1.

#include <torch/torch.h>

#include "kuda/nn/subnets.h"
#include "kuda/nn/text_features.h"

namespace kuda {

/// Encoders of one model; empty where the model was built without the modality.
struct MeanEncoders {
  FeatureSubnet audio{nullptr}, vision{nullptr};
  TextSubnet text{nullptr};
  const TextFeatures* text_features = nullptr;
};

struct MeanInputs {
  torch::Tensor audio, vision, text;  ///< [B, H + 1], first column 1; [B, 1] where the model lacks the modality
  // Intermediates; undefined where the modality is absent.
  torch::Tensor audio_mean, vision_mean;  ///< [B, D]
  torch::Tensor audio_norm, vision_norm;  ///< [B, D]
  torch::Tensor text_state;               ///< [B, H]
};

/// `reference_quirks`: means as the published loader makes them (loader_time_mean) and the LSTM's state at the padded
/// length; else padding is left out of both. A modality that the batch lacks though the model has it counts as zeros
/// (its encoder is not run). `outputs` are the widths of audio, vision and text vectors without the 1.
[[nodiscard]] MeanInputs encode_means(const Batch& batch, MeanEncoders& encoders,
                                      const std::array<std::int64_t, 3>& widths, bool reference_quirks);

}  // namespace kuda
