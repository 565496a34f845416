#pragma once
// Options of TETFN; the defaults are MMSA's for CMU-MOSI.

#include <cstdint>

#include "kuda/models/multitask.h"

namespace kuda::tetfn {

struct TetfnConfig final : ModelConfig, MultitaskOptions {
  std::int64_t width = 50, heads = 5;              ///< of the transformers
  std::int64_t kernel_text = 1, kernel_audio = 1;  ///< of the convolutions; vision takes the audio's, as published
  double dropout_attention = 0.1, dropout_attention_audio = 0, dropout_attention_vision = 0.1;
  double dropout_relu = 0, dropout_embedding = 0, dropout_residual = 0.1;
  bool pool_to_text = true;      ///< audio and vision are averaged to the text's length
  bool reference_quirks = true;  ///< padding counts everywhere, and the last position is read
  TetfnConfig();
  void describe(Fields& fields) override;
};

}  // namespace kuda::tetfn
