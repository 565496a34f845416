#pragma once
// The picture of one explained clip: scores, shares and removals as bars, attention as maps.

#include "kuda/explain/explain.h"
#include "kuda/reports/figures.h"

namespace kuda {

/// Named after the clip's id (file_name).
[[nodiscard]] FigureSource explanation_figure(const Explanation& clip);

}  // namespace kuda
