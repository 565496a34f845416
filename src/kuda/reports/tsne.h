#pragma once
// Exact t-SNE (van der Maaten and Hinton 2008): points of any width shown in the plane so that neighbours stay
// neighbours. Written here: Debian has no C++ library of it, and tapkee (PyPI, GitHub) cannot start from PCA.
//
//   const Tsne shown = tsne(features, {.perplexity = 30});     // features [N, D]
//   shown.points;                                              // [N, 2]
//   trustworthiness(features, shown.points);                   // 1: no false neighbours in the plane

#include <torch/torch.h>

#include <cstdint>
#include <functional>

namespace kuda {

/// Memory is three matrices of N x N doubles, and an iteration reads them all.
inline constexpr std::int64_t kMostTsnePoints = 10000;
inline constexpr std::int64_t kFewestTsnePoints = 5;

struct TsneOptions {
  double perplexity = 30;                                 ///< effective number of neighbours of a point, above 1
  std::int64_t iterations = 1000;                         ///< the first 250 exaggerate the neighbourhoods twelve times
  std::function<void(std::int64_t)> each_iteration = {};  ///< called with the number done; may throw to stop
};

struct Tsne {
  torch::Tensor points;      ///< [N, 2] float64, around the origin
  double kl_divergence = 0;  ///< as tsne_divergence
  double perplexity = 0;     ///< the one used
};

/// `wanted`, or (points - 1) / 3 where that is less, with a warning in the log: a neighbourhood reaches three times as
/// far as its perplexity. Throws DataError for fewer than 5 or more than 10000 points, ConfigError where `wanted` is 1
/// or less.
[[nodiscard]] double fitting_perplexity(std::int64_t points, double wanted);

/// points [N, D] of any number type and device -> the plane, computed in float64 on the CPU. Nothing is drawn at
/// random: it starts from the first two principal components (largest loading positive), so the same points, machine
/// and thread count give the same bytes. Momentum, gains and learning rate max(N / 48, 50) as scikit-learn's exact
/// t-SNE. Throws as fitting_perplexity, whose perplexity it takes, and DataError for NaN or infinities and when all
/// points are the same.
[[nodiscard]] Tsne tsne(const torch::Tensor& points, const TsneOptions& options = {});

/// Kullback-Leibler divergence, in nats, of the neighbourhoods in the plane from those of the points: what t-SNE makes
/// small. points [N, D], shown [N, 2]. Throws as tsne does.
[[nodiscard]] double tsne_divergence(const torch::Tensor& points, const torch::Tensor& shown, double perplexity);

/// Of the `neighbours` nearest of each point in the plane, how far down its list of nearest in [N, D] they stand: 1
/// where they are the nearest there too, about 0.5 for points strewn at random. points [N, D], shown [N, 2],
/// neighbours below N / 2 (ConfigError). Source: Venna and Kaski 2001, as scikit-learn's `trustworthiness`.
[[nodiscard]] double trustworthiness(const torch::Tensor& points, const torch::Tensor& shown,
                                     std::int64_t neighbours = 5);

}  // namespace kuda
