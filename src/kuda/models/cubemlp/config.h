#pragma once
// Options of CubeMLP. Defaults: the published CMU-MOSI settings.

#include <cstdint>
#include <string>
#include <vector>

#include "kuda/models/model.h"
#include "kuda/nn/activation.h"

namespace kuda::cubemlp {

struct CubeMlpConfig final : ModelConfig {
  enum class Encoder { gru, lstm, conv };
  friend constexpr auto value_names(Encoder) { return std::array{"gru", "lstm", "conv"}; }
  enum class Compose { mean, sum, cat };
  friend constexpr auto value_names(Compose) { return std::array{"mean", "sum", "cat"}; }
  enum class Loss { mae, mse, rmse, simse };
  friend constexpr auto value_names(Loss) { return std::array{"mae", "mse", "rmse", "simse"}; }
  /// Of frames to the text's length: pool, or centre as published.
  enum class Align { pool, centre };
  friend constexpr auto value_names(Align) { return std::array{"pool", "centre"}; }

  std::int64_t width = 128;        ///< c, channels of the cube
  std::int64_t time_length = 100;  ///< T, time steps of the cube
  Encoder encoder = Encoder::gru;  ///< of vision and audio
  // One entry per block.
  std::vector<std::int64_t> hidden_time{50, 10}, hidden_modality{3, 3}, hidden_channel{128, 32};
  std::vector<std::int64_t> out_time{50, 10}, out_modality{3, 3}, out_channel{128, 32};
  std::vector<std::int64_t> residual_projection{1};  ///< 0 or 1 per block, or one value for all
  Activation activation = Activation::gelu;
  bool norm_first = true, bias = true;
  Compose compose_time = Compose::mean, compose_modality = Compose::cat;
  std::vector<double> dropout{0.1, 0.1, 0.1, 0.1};  ///< text, vision, audio, classifier
  std::vector<double> dropout_mlp{0.1, 0.1, 0.1};   ///< time, modality, channel
  double dropout_text = 0.1;                        ///< inside the text encoder
  Loss loss = Loss::mae;
  double bert_lr_scale = 0.01;
  std::int64_t frozen_layers = 9;  ///< lowest BERT layers that are not trained; -1 = the whole BERT

  bool reference_quirks = true;  ///< the compositions "sum" are means
  Align align = Align::pool;
  bool mask_padding = false;  ///< positions beyond the text's length are zeros in the cube

  [[nodiscard]] std::size_t num_blocks() const { return hidden_time.size(); }
  [[nodiscard]] bool is_projected(std::size_t block) const {
    return residual_projection[residual_projection.size() == 1 ? 0 : block] != 0;
  }
  void describe(Fields& fields) override;
};

/// Throws ConfigError where lists have different lengths.
void check(const CubeMlpConfig& config);

}  // namespace kuda::cubemlp
