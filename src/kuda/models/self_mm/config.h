#pragma once
// Options of Self-MM; the defaults are MMSA's for CMU-MOSI.

#include <cstdint>

#include "kuda/models/multitask.h"

namespace kuda::self_mm {

struct SelfMmConfig final : ModelConfig, MultitaskOptions {
  std::int64_t audio_out = 16, vision_out = 32;            ///< widths of the encoded audio and vision
  double dropout_audio_lstm = 0, dropout_vision_lstm = 0;  ///< on the LSTMs' last states
  bool lengths_of_text = false;  ///< audio and vision are as long as the text, [CLS] and [SEP] counted (aligned data)
  SelfMmConfig();
  void describe(Fields& fields) override;
};

}  // namespace kuda::self_mm
