#pragma once
// Parts of a BERT that are not trained.

#include <cstdint>

#include "kuda/text/bert.h"

namespace kuda {

/// The lowest `layers` encoder layers no longer require a gradient (all there are when the encoder is shallower; the
/// embeddings stay trainable); -1: the whole BERT.
void freeze_layers(BertImpl& bert, std::int64_t layers);

}  // namespace kuda
