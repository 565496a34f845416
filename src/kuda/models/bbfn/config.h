#pragma once
// Options of BBFN. Defaults: those of the published main.py, with BERT and the discriminator on as in the paper.

#include <cstdint>
#include <string>

#include "kuda/models/model.h"

namespace kuda::bbfn {

struct BbfnConfig final : ModelConfig {
  /// embedding: a table of word vectors, trained from random values.
  enum class Text { bert, embedding };
  friend constexpr auto value_names(Text) { return std::array{"bert", "embedding"}; }
  enum class Encoder { cnn, linear, lstm, gru };
  friend constexpr auto value_names(Encoder) { return std::array{"cnn", "linear", "lstm", "gru"}; }
  /// The RNN layer whose last states stand for a sequence; first as published.
  enum class StateLayer { first, last };
  friend constexpr auto value_names(StateLayer) { return std::array{"first", "last"}; }
  /// Of frames to the text's length: pool, or words as published.
  enum class Align { pool, words };
  friend constexpr auto value_names(Align) { return std::array{"pool", "words"}; }

  std::int64_t width = 40, heads = 5, layers = 5;
  Text text = Text::bert;
  std::int64_t embedding_width = 300;
  Encoder encoder = Encoder::cnn;
  std::int64_t kernel_text = 3, kernel_vision = 3, kernel_audio = 3, encoder_layers = 1;
  StateLayer state_layer = StateLayer::first;
  double dropout_attention = 0.1, dropout_relu = 0.1, dropout_residual = 0.1, dropout_embedding = 0.25;
  double dropout_output = 0, dropout_text = 0.1;
  double lambda = 0.1;             ///< weight of the discriminator term; 0 = without
  std::int64_t frozen_layers = 9;  ///< lowest BERT layers that are not trained; -1 = the whole BERT
  Align align = Align::pool;

  void describe(Fields& fields) override;
};

/// Throws ConfigError naming the options.
void check(const BbfnConfig& config);

}  // namespace kuda::bbfn
