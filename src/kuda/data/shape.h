#pragma once
// Lengths and widths of a data set as a model sees them: always read from the data, never from source code.

#include <cstdint>

#include "kuda/data/modality.h"

namespace kuda {

struct DataShape {
  PerModality<std::int64_t> length;             ///< after padding; of a text in word pieces
  PerModality<std::int64_t> width;              ///< of text: of pre-computed features, 0 without
  PerModality<bool> present{true, true, true};  ///< in use (the data may hold more than is used)
};

}  // namespace kuda
