#pragma once
// Options of MulT. Defaults: the toolbox's settings for MOSI.

#include <cstdint>

#include "kuda/models/model.h"

namespace kuda::mult {

struct MultConfig final : ModelConfig {
  std::int64_t width = 50, heads = 10, levels = 4;
  std::int64_t kernel_text = 5, kernel_vision = 5, kernel_audio = 5;  ///< of the convolutions over time
  double dropout_text = 0.5;                                          ///< text features
  double dropout_attention = 0.3;                                     ///< attention to text, and of the memory encoders
  double dropout_attention_audio = 0.2, dropout_attention_vision = 0;  ///< attention to audio, to vision
  double dropout_relu = 0, dropout_embedding = 0.2, dropout_residual = 0, dropout_output = 0.5;
  bool causal_mask = true;
  bool positions = false;        ///< authors' code: sinusoids in every encoder; the toolbox lost them
  bool use_bert = false;         ///< BERT inside the model instead of text features
  bool finetune_bert = true;     ///< with use_bert
  bool reference_quirks = true;  ///< README, "As published and sound"

  void describe(Fields& fields) override;
  [[nodiscard]] TextInput text_input(TextInput by_default) const override {
    return use_bert ? TextInput::tokens : by_default;
  }
};

}  // namespace kuda::mult
