#pragma once
// Options of CENet.

#include <string>

#include "kuda/models/model.h"

namespace kuda::cenet {

struct CenetConfig final : ModelConfig {
  /// mmsa: the toolbox's; codebook: the authors' own.
  enum class Variant { mmsa, codebook };
  friend constexpr auto value_names(Variant) { return std::array{"mmsa", "codebook"}; }

  Variant variant = Variant::mmsa;
  std::int64_t clusters = 16;     ///< codebook: of the frames of audio, and as many of vision
  double gain = 8;                ///< factor on the scores of the enhancement's attention
  bool train_embeddings = false;  ///< mmsa; true: the text encoder's embedding tables are trained too
  double own_labels = 0;          ///< weight of own_label_error (nn/own_labels.h); ours
  bool reference_quirks = true;   ///< as published: padded frames count, and more; README
  void describe(Fields& fields) override;
  [[nodiscard]] bool is_codebook() const { return variant == Variant::codebook; }
  [[nodiscard]] bool trains_embeddings() const { return train_embeddings || is_codebook(); }
};

}  // namespace kuda::cenet
