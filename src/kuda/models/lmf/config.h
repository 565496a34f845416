#pragma once
// Options of LMF. Defaults: the toolbox's settings for MOSI.

#include <cstdint>

#include "kuda/models/model.h"

namespace kuda::lmf {

struct LmfConfig final : ModelConfig {
  std::int64_t text_hidden = 128, vision_hidden = 128, audio_hidden = 16;  ///< the text vector is half as wide
  std::int64_t rank = 3;
  double dropout_text = 0.3;  ///< after the LSTM; does nothing with reference_quirks
  double dropout_vision = 0.3, dropout_audio = 0.3;
  double factor_lr = 1e-3;            ///< learning rate of the three factors; the rest has that of the training section
  bool train_fusion_weights = false;  ///< published: the weights of the ranks and the bias stay as initialised
  bool reference_quirks = true;       ///< README, "As published and sound"

  /// Not an option: with more than one output they are class logits, kept in the trace as "M" and without a score. The
  /// published classification mode exists for its golden case only.
  std::int64_t outputs = 1;

  void describe(Fields& fields) override;
};

}  // namespace kuda::lmf
