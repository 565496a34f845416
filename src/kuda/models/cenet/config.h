#pragma once
// Options of CENet.

#include <string>

#include "kuda/models/model.h"

namespace kuda::cenet {

struct CenetConfig final : ModelConfig {
  std::string variant = "mmsa";   ///< or "codebook", the authors' own
  std::int64_t clusters = 16;     ///< codebook: of the frames of audio, and as many of vision
  double gain = 8;                ///< factor on the scores of the enhancement's attention
  bool train_embeddings = false;  ///< mmsa; true: the text encoder's embedding tables are trained too
  bool reference_quirks = true;   ///< as published: padded frames count, and more; README
  void describe(Fields& fields) override;
  [[nodiscard]] bool is_codebook() const { return variant == "codebook"; }
  [[nodiscard]] bool trains_embeddings() const { return train_embeddings || is_codebook(); }
};

}  // namespace kuda::cenet
