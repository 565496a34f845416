#pragma once
// Options of MMIM; the defaults are MMSA's, the same for every data set it publishes.

#include <cstdint>

#include "kuda/models/model.h"
#include "kuda/nn/activation.h"

namespace kuda::mmim {

struct MmimConfig final : ModelConfig {
  std::int64_t audio_hidden = 16, vision_hidden = 16;  ///< LSTM widths, per direction
  std::int64_t audio_out = 16, vision_out = 16;        ///< widths of the encoded audio and vision
  std::int64_t fusion_width = 128;
  std::int64_t layers = 1;  ///< of the LSTMs
  bool bidirectional = true;
  double dropout_audio = 0.1, dropout_vision = 0.1;  ///< without effect when layers = 1, as published
  double dropout_fusion = 0.1;
  std::int64_t contrast_layers = 1;  ///< of the contrastive networks (published name: cpc_layers)
  bool vision_audio = false;         ///< a third bound, between vision and audio (published name: add_va)
  bool contrast = true;              ///< false: the task's loss alone, one phase per epoch
  double alpha = 0.1, beta = 0.1;    ///< weights of the contrastive term; of the bound and the entropy
  std::int64_t memory = 1;           ///< batches whose samples estimate the entropy
  double bound_share = 1;            ///< share of an epoch's steps that train the bounds (published: 0.5 on CMU-MOSEI)
  bool lengths_of_text = false;      ///< audio and vision are as long as the text (aligned data)
  bool skip_singular = true;         ///< no entropy where a side has too few samples; false: NaN, as published
  bool reference_quirks = true;      ///< several LSTM layers: the states of the first are read
  double lr_text = 5e-5, lr_main = 1e-3, lr_bound = 1e-3;
  double decay_text = 1e-4, decay_main = 1e-4, decay_bound = 1e-4;
  Activation bound_activation = Activation::relu, contrast_activation = Activation::tanh;
  void describe(Fields& fields) override;
};

}  // namespace kuda::mmim
