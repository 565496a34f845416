#pragma once
// Options of MISA. Defaults: the toolbox's settings for MOSI.

#include <cstdint>
#include <string>

#include "kuda/models/model.h"
#include "kuda/nn/recurrent.h"

namespace kuda::misa {

struct MisaConfig final : ModelConfig {
  /// Of the shared vectors.
  enum class Similarity { cmd, adversarial };
  friend constexpr auto value_names(Similarity) { return std::array{"cmd", "adversarial"}; }

  std::int64_t width = 128;           ///< of every private and shared vector; even
  RnnKind recurrent = RnnKind::lstm;  ///< of vision and audio
  Similarity similarity = Similarity::cmd;
  double diff_weight = 0.1, sim_weight = 0.3, recon_weight = 1;
  double reverse_grad_weight = 0.8;  ///< of the adversarial similarity
  double dropout = 0.2;              ///< in the head and in the domain discriminator
  double dropout_fusion = 0.1;       ///< of the transformer layer; fixed at 0.1 in the published code
  bool finetune_bert = true;
  bool reference_quirks = true;  ///< README, "As published and sound"

  void describe(Fields& fields) override;
};

}  // namespace kuda::misa
