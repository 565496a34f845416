#pragma once
// Whether two data sets hold the same, for what opens a file that somebody has open already.
//
//   if (const auto where = first_difference(mosi, open_on_demand(mosi.source)); !where.empty()) ...

#include <string>

#include "kuda/data/dataset.h"

namespace kuda {

/// Of what is said of the set, of clips, labels, stored word pieces and frames, bit by bit: "clips", "text_bert",
/// "vision", "vision of clip 'video$_$1'"; empty where there is none. Reads all frames of both, clip by clip, and keeps
/// none.
[[nodiscard]] std::string first_difference(const Dataset& first, const Dataset& second);

}  // namespace kuda
