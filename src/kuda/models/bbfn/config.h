#pragma once
// Options of BBFN. Defaults: those of the published main.py, with BERT and the discriminator on as in the paper.

#include <cstdint>
#include <string>

#include "kuda/models/model.h"

namespace kuda::bbfn {

struct BbfnConfig final : ModelConfig {
  std::int64_t width = 40, heads = 5, layers = 5;
  std::string text = "bert";  ///< or "embedding": a table of word vectors, trained from random values
  std::int64_t embedding_width = 300;
  std::string encoder = "cnn";  ///< "cnn", "linear", "lstm", "gru"
  std::int64_t kernel_text = 3, kernel_vision = 3, kernel_audio = 3, encoder_layers = 1;
  std::string state_layer =
      "first";  ///< RNN layer whose last states stand for a sequence: "first" as published, "last"
  double dropout_attention = 0.1, dropout_relu = 0.1, dropout_residual = 0.1, dropout_embedding = 0.25;
  double dropout_output = 0, dropout_text = 0.1;
  double lambda = 0.1;             ///< weight of the discriminator term; 0 = without
  std::int64_t frozen_layers = 9;  ///< lowest BERT layers that are not trained; -1 = the whole BERT
  std::string align = "pool";      ///< frames to the text's length: "pool", or "words" as published

  void describe(Fields& fields) override;
};

/// Throws ConfigError naming the options.
void check(const BbfnConfig& config);

}  // namespace kuda::bbfn
