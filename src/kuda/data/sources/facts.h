#pragma once
// Name, language, score range and metric family of a data set, worked out from its clips where nobody said.

#include <string>

#include "kuda/data/dataset.h"
#include "kuda/data/sources/mmsa.h"

namespace kuda {

/// Fills name, language, family and score range. A published set is recognised by its split sizes. Otherwise the
/// family is `sims` when all labels lie in [-1, 1] and there are unimodal labels or ids like video_0001, else `mosi`.
void complete_facts(Dataset& dataset, const DataFacts& facts, const std::string& stem);

/// "zh" when most letters of the texts are Chinese characters, "en" when most are ASCII letters, else "".
[[nodiscard]] std::string language_of(const std::vector<Clip>& clips);

/// Clips per split, in the order train, valid, test.
[[nodiscard]] std::array<std::int64_t, 3> split_sizes(const Dataset& dataset);

}  // namespace kuda
