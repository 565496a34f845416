#include "kuda/models/cenet/config.h"

namespace kuda::cenet {

void CenetConfig::describe(Fields& fields) {
  fields.add("variant", variant,
             "mmsa = the toolbox's model, on frames, the row of the published tables; codebook = the authors' own, on "
             "cluster ids of frames, with squared error and trained embedding tables");
  fields.add("clusters", clusters, "codebook: clusters of the frames of a modality, found in the training clips",
             at_least(1));
  fields.add("gain", gain,
             "factor on the scores of the enhancement's attention; published: 8, where scaled attention has "
             "1/sqrt(width)",
             at_least(0));
  fields.add("train_embeddings", train_embeddings,
             "mmsa: train the text encoder's embedding tables too; the published code leaves them as they were loaded "
             "(codebook always trains them)");
  fields.add("own_labels", own_labels,
             "weight of an additional loss: a linear head on each modality's mean before the enhancement, against the "
             "clip's own label of that modality, where it has one; 0, as published: no heads",
             at_least(0));
  fields.add("reference_quirks", reference_quirks,
             "true, as published: the enhancement attends to padded frames, codebook counts positions from 2 and "
             "starts padding rows at random; false: padding never changes a score, positions from 0, padding rows 0");
}

}  // namespace kuda::cenet
