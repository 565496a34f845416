#include "kuda/models/cenet/config.h"

namespace kuda {

void CenetConfig::describe(Fields& fields) {
  fields.add("gain", gain,
             "factor on the scores of the enhancement's attention; published: 8, where scaled attention has "
             "1/sqrt(width)",
             at_least(0));
  fields.add("train_embeddings", train_embeddings,
             "train the text encoder's embedding tables too; the published code leaves them as they were loaded");
  fields.add("reference_quirks", reference_quirks,
             "true, as published: the enhancement attends to padded frames; false: padding never changes a score");
}

}  // namespace kuda
