#pragma once
// Options of CENet.

#include "kuda/models/model.h"

namespace kuda {

struct CenetConfig final : ModelConfig {
  double gain = 8;                ///< factor on the scores of the enhancement's attention
  bool train_embeddings = false;  ///< true: the text encoder's embedding tables are trained too
  bool reference_quirks = true;   ///< the enhancement attends to padded frames; false: to true frames only
  void describe(Fields& fields) override;
};

}  // namespace kuda
