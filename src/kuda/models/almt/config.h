#pragma once
// Options of ALMT. Defaults: the published CMU-MOSI configuration.

#include <cstdint>

#include "kuda/models/model.h"

namespace kuda::almt {

struct AlmtConfig final : ModelConfig {
  std::int64_t width = 128;      ///< d of every block
  std::int64_t tokens = 8;       ///< N', learned tokens that compress a modality
  std::int64_t kept_tokens = 0;  ///< N, how many of them go on; 0 = all
  std::int64_t head_width = 64;  ///< of every attention but that of the hyper-modality, whatever `width` is
  std::int64_t projection_depth = 1, projection_heads = 8, projection_mlp = 128;
  std::int64_t text_heads = 8, text_mlp = 128;
  std::int64_t hyper_depth = 3, hyper_heads = 8, hyper_head_width = 16;
  std::int64_t fusion_depth = 2, fusion_heads = 8, fusion_mlp = 128;
  double dropout_text = 0.1, dropout = 0;
  bool mask_padding = false;  ///< padded positions are no keys of the compression

  [[nodiscard]] std::int64_t num_kept() const { return kept_tokens > 0 ? kept_tokens : tokens; }
  void describe(Fields& fields) override;
};

/// Throws ConfigError naming both options where they contradict each other.
void check(const AlmtConfig& config);

}  // namespace kuda::almt
