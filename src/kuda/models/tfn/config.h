#pragma once
// Options of TFN. Defaults: the toolbox's settings for MOSI.

#include <cstdint>

#include "kuda/models/model.h"

namespace kuda::tfn {

struct TfnConfig final : ModelConfig {
  std::int64_t text_hidden = 128, vision_hidden = 128, audio_hidden = 32;
  std::int64_t text_out = 32;     ///< width of the text vector that enters the product
  std::int64_t post_fusion = 64;  ///< width of the head
  double dropout_text = 0.3;      ///< after the LSTM; does nothing with reference_quirks
  double dropout_vision = 0.3, dropout_audio = 0.3, dropout_fusion = 0.5;
  double output_range = 6, output_shift = -3;  ///< score = range * sigmoid(x) + shift
  bool reference_quirks = true;                ///< README, "As published and sound"

  /// Not an option: with more than one output they are class logits, kept in the trace as "M" and without a score. The
  /// published classification mode exists for its golden case only.
  std::int64_t outputs = 1;

  void describe(Fields& fields) override;
};

}  // namespace kuda::tfn
