#pragma once
// Options of CubeMLP. Defaults: the published CMU-MOSI settings.

#include <cstdint>
#include <string>
#include <vector>

#include "kuda/models/model.h"

namespace kuda::cubemlp {

struct CubeMlpConfig final : ModelConfig {
  std::int64_t width = 128;        ///< c, channels of the cube
  std::int64_t time_length = 100;  ///< T, time steps of the cube
  std::string encoder = "gru";     ///< of vision and audio: "gru", "lstm", "conv"
  // One entry per block.
  std::vector<std::int64_t> hidden_time{50, 10}, hidden_modality{3, 3}, hidden_channel{128, 32};
  std::vector<std::int64_t> out_time{50, 10}, out_modality{3, 3}, out_channel{128, 32};
  std::vector<std::int64_t> residual_projection{1};  ///< 0 or 1 per block, or one value for all
  std::string activation = "gelu";
  bool norm_first = true, bias = true;
  std::string compose_time = "mean", compose_modality = "cat";  ///< "mean", "sum", "cat"
  std::vector<double> dropout{0.1, 0.1, 0.1, 0.1};              ///< text, vision, audio, classifier
  std::vector<double> dropout_mlp{0.1, 0.1, 0.1};               ///< time, modality, channel
  double dropout_text = 0.1;                                    ///< inside the text encoder
  std::string loss = "mae";                                     ///< "mae", "mse", "rmse", "simse"
  double bert_lr_scale = 0.01;
  std::int64_t frozen_layers = 9;  ///< lowest BERT layers that are not trained; -1 = the whole BERT

  /// The compositions "sum" are means.
  bool reference_quirks = true;
  std::string align = "pool";  ///< frames to the text's length: "pool", or "centre" as published
  bool mask_padding = false;   ///< positions beyond the text's length are zeros in the cube

  [[nodiscard]] std::size_t num_blocks() const { return hidden_time.size(); }
  [[nodiscard]] bool is_projected(std::size_t block) const {
    return residual_projection[residual_projection.size() == 1 ? 0 : block] != 0;
  }
  void describe(Fields& fields) override;
};

/// Throws ConfigError where lists have different lengths.
void check(const CubeMlpConfig& config);

}  // namespace kuda::cubemlp
