#pragma once
// k-means by Lloyd's algorithm, in double precision (Lloyd 1982; start of Arthur and Vassilvitskii 2007).
//
//   Random random(1);
//   const KMeans found = fit_kmeans(points, 16, 4, random);   // the best of four starts
//   const auto ids = nearest_centre(frames, found.centres);   // [B, L]

#include <torch/torch.h>

#include <cstdint>

#include "kuda/base/random.h"

namespace kuda {

struct KMeans {
  torch::Tensor centres;        ///< [K, D] float64
  torch::Tensor ids;            ///< [N] int64: the nearest centre of each point
  double inertia = 0;           ///< sum of the squared distances to it
  std::int64_t iterations = 0;  ///< assignments made; the last changed no id, unless the limit was reached
};

/// points [..., D], centres [K, D], any floating type -> [...] int64, each the lowest of the nearest centres.
[[nodiscard]] torch::Tensor nearest_centre(const torch::Tensor& points, const torch::Tensor& centres);

/// points [N, D], centres [K, D]: assigns and averages until no id changes, at most `most_iterations` times. A centre
/// that no point is nearest to stays where it is.
[[nodiscard]] KMeans run_lloyd(const torch::Tensor& points, const torch::Tensor& centres,
                               std::int64_t most_iterations = 300);

/// k-means++: `count` of the points [N, D], each drawn with a probability proportional to its squared distance from the
/// nearest one drawn before. Fewer distinct points than `count`: some are drawn twice.
[[nodiscard]] torch::Tensor draw_centres(const torch::Tensor& points, std::int64_t count, Random& random);

/// The run with the lowest inertia of `starts` runs, each from its own k-means++ start. N >= 1.
[[nodiscard]] KMeans fit_kmeans(const torch::Tensor& points, std::int64_t count, std::int64_t starts, Random& random);

}  // namespace kuda
