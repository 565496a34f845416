#pragma once
// Options of TMBL. `mode` chooses between the published computation, in which the clips of a batch mix, and a sound
// one.

#include <cstdint>
#include <string>

#include "kuda/models/model.h"
#include "kuda/nn/activation.h"
#include "kuda/nn/recurrent.h"

namespace kuda::tmbl {

struct TmblConfig final : ModelConfig {
  /// sound: every clip alone; reference: as published.
  enum class Mode { sound, reference };
  friend constexpr auto value_names(Mode) { return std::array{"sound", "reference"}; }
  /// Of frames to the text's length: pool, or words as published.
  enum class Align { pool, words };
  friend constexpr auto value_names(Align) { return std::array{"pool", "words"}; }

  Mode mode = Mode::sound;
  std::int64_t reference_batch = 64;  ///< reference: the largest batch, and the one with class tokens and positions
  bool cross_attention = false;       ///< sound: streams attend to each other, as the paper's figures show
  std::int64_t width = 256;           ///< H
  std::int64_t layers = 5, heads = 8, feed_forward = 512;
  std::int64_t key_width = 32, value_width = 64;  ///< of all heads together; self-attention has values of key_width
  RnnKind rnn = RnnKind::lstm;                    ///< of vision and audio
  Activation activation = Activation::relu;       ///< after the projections
  double dropout_transformer = 0.5, dropout_fusion = 0.5, dropout_text = 0.1;
  double lambda_similarity = 0.5, lambda_difference = 0.5;
  std::int64_t frozen_layers = 9;  ///< lowest BERT layers that are not trained; -1 = the whole BERT
  Align align = Align::pool;

  [[nodiscard]] bool is_reference() const { return mode == Mode::reference; }
  void describe(Fields& fields) override;
};

/// Throws ConfigError naming the options.
void check(const TmblConfig& config);

}  // namespace kuda::tmbl
