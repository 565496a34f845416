#pragma once
// What the rule behind synthetic clips allows: a line under the table of a model that was scored on them.

#include <string>

#include "kuda/data/dataset.h"

namespace kuda {

/// One sentence for the clips of this split; empty for other data, without truth.csv, and for the split "all".
[[nodiscard]] std::string synthetic_bound(const Dataset& dataset, const std::string& split);

}  // namespace kuda
