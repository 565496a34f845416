#pragma once
// Options of TMBL. `mode` chooses between the published computation, in which the clips of a batch mix, and a sound
// one.

#include <cstdint>
#include <string>

#include "kuda/models/model.h"

namespace kuda::tmbl {

struct TmblConfig final : ModelConfig {
  std::string mode = "sound";         ///< "sound": every clip alone; "reference": as published
  std::int64_t reference_batch = 64;  ///< reference: the largest batch, and the one with class tokens and positions
  bool cross_attention = false;       ///< sound: streams attend to each other, as the paper's figures show
  std::int64_t width = 256;           ///< H
  std::int64_t layers = 5, heads = 8, feed_forward = 512;
  std::int64_t key_width = 32, value_width = 64;  ///< of all heads together; self-attention has values of key_width
  std::string rnn = "lstm";                       ///< of vision and audio: "lstm" or "gru"
  std::string activation = "relu";                ///< after the projections: nn/activation.h
  double dropout_transformer = 0.5, dropout_fusion = 0.5, dropout_text = 0.1;
  double lambda_similarity = 0.5, lambda_difference = 0.5;
  std::int64_t frozen_layers = 9;  ///< lowest BERT layers that are not trained; -1 = the whole BERT
  std::string align = "pool";      ///< frames to the text's length: "pool", or "words" as published

  [[nodiscard]] bool is_reference() const { return mode == "reference"; }
  void describe(Fields& fields) override;
};

/// Throws ConfigError naming the options.
void check(const TmblConfig& config);

}  // namespace kuda::tmbl
