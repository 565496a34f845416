#pragma once
// What shape an operator's result has: the check of a list of operators before anything runs.

#include "kuda/extract/face/network_graph.h"

namespace kuda {

/// For a batch of one, from the shapes of the inputs, which are in `graph`. Throws CheckpointError naming the operator
/// where its inputs or options do not fit together.
[[nodiscard]] Shape result_shape(const NetworkStep& step, const NetworkGraph& graph);

/// Zeros before and behind `size` values under a window of TFLite's SAME padding: [before, all of them].
struct SamePadding {
  std::int64_t before = 0, all = 0;
};
[[nodiscard]] constexpr SamePadding same_padding(std::int64_t size, std::int64_t window, std::int64_t stride) {
  const auto places = (size + stride - 1) / stride;
  const auto all = (places - 1) * stride + window - size;
  return all > 0 ? SamePadding{all / 2, all} : SamePadding{};
}

}  // namespace kuda
