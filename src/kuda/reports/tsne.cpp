#include "kuda/reports/tsne.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "kuda/base/error.h"
#include "kuda/base/log.h"

namespace kuda {

using torch::Tensor;

namespace {

constexpr std::int64_t kExaggeratedIterations = 250;
constexpr double kExaggeration = 12;
constexpr std::int64_t kRowsAtOnce = 512;  ///< of matrices that are needed a row at a time only

Tensor as_matrix(const Tensor& points) {
  if (points.dim() != 2)
    throw ShapeError(fmt::format("t-SNE: expected points [N, D], found {} dimensions", points.dim()));
  return points.detach().to(torch::kCPU, torch::kFloat64).contiguous();
}

/// Squared distances of rows begin ... end - 1 to all points, [end - begin, N]. Differences, not products: those lose
/// what is left between near points far from the origin.
Tensor squared_distances(const Tensor& x, std::int64_t begin, std::int64_t end) {
  constexpr std::int64_t kDifferences = 2;  // torch.cdist: donot_use_mm_for_euclid_dist
  return torch::cdist(x.slice(0, begin, end), x, 2.0, kDifferences).square_();
}

/// The cells of a point with itself, in rows begin ... of a matrix with N columns: [rows, 1].
Tensor own_cells(std::int64_t begin, std::int64_t end) { return torch::arange(begin, end).unsqueeze(1); }

/// p(j | i) [rows, N]: Gaussian around each point, as wide as gives its row the perplexity; found by bisection of the
/// precision. p(i | i) = 0.
Tensor conditional_probabilities(const Tensor& x, std::int64_t begin, std::int64_t end, double perplexity) {
  constexpr int kSteps = 64;  // halvings: the widest start is within 2^64 of any precision that matters
  constexpr double kTolerance = 1e-5, kInfinity = std::numeric_limits<double>::infinity();
  const auto own = own_cells(begin, end);
  auto distances = squared_distances(x, begin, end).scatter_(1, own, kInfinity);
  distances -= std::get<0>(distances.min(1, /*keepdim=*/true));  // cancels in the quotient, and keeps exp in range
  distances.scatter_(1, own, 0);
  auto precision = distances.mean(1, /*keepdim=*/true).clamp_min_(1e-30).reciprocal_();  // [rows, 1]
  auto low = torch::zeros_like(precision), high = torch::full_like(precision, kInfinity);
  Tensor weights, sum;
  for (int step = 0; step < kSteps; ++step) {
    weights = (distances * -precision).exp_().scatter_(1, own, 0);
    sum = weights.sum(1, /*keepdim=*/true);
    const auto entropy = sum.log() + precision * (distances * weights).sum(1, /*keepdim=*/true) / sum;
    const auto excess = entropy - std::log(perplexity);
    if (excess.abs().max().item<double>() < kTolerance) break;
    const auto is_wide = excess > 0;
    low = torch::where(is_wide, precision, low);
    high = torch::where(is_wide, high, precision);
    precision = torch::where(high.isinf(), 2 * precision, (low + high) / 2);
  }
  return weights / sum;
}

/// p(i, j) [N, N], symmetric, of sum 1.
Tensor joint_probabilities(const Tensor& x, double perplexity) {
  const auto n = x.size(0);
  auto conditional = torch::empty({n, n}, x.options());
  for (std::int64_t begin = 0; begin < n; begin += kRowsAtOnce) {
    const auto end = std::min(n, begin + kRowsAtOnce);
    conditional.slice(0, begin, end).copy_(conditional_probabilities(x, begin, end, perplexity));
  }
  return (conditional + conditional.t()).div_(2 * double(n));
}

/// First two principal components [N, 2], the first with deviation 1e-4; the second is 0 where there is one feature.
Tensor principal_start(const Tensor& x) {
  const auto centred = x - x.mean(0, /*keepdim=*/true);
  const auto directions = std::get<2>(torch::linalg_svd(centred, /*full_matrices=*/false)).slice(0, 0, 2);  // [2, D]
  const auto largest = directions.gather(1, directions.abs().argmax(1, /*keepdim=*/true));
  auto start = centred.matmul((directions * largest.sign()).t());
  if (start.size(1) == 1) start = torch::constant_pad_nd(start, {0, 1});
  return start / start.select(1, 0).std(/*unbiased=*/false) * 1e-4;
}

/// Student's t with one degree of freedom, not normalised: 1 / (1 + squared distance), 0 for a point with itself. y is
/// near the origin, so distances as one product are good enough here, and four times as fast.
Tensor plane_affinities(const Tensor& y) {
  const auto squares = y.square().sum(1, /*keepdim=*/true), one = torch::ones_like(squares);
  const auto left = torch::cat({y, squares + 1, one}, 1), right = torch::cat({-2 * y, one, squares}, 1);  // [N, 4]
  return left.matmul(right.t()).clamp_min_(1).reciprocal_().fill_diagonal_(0);
}

/// Kullback-Leibler divergence of the probabilities in the plane from `joint`.
double divergence(const Tensor& joint, const Tensor& y) {
  auto plane = plane_affinities(y);
  plane.div_(plane.sum()).fill_diagonal_(1);  // where joint is 0
  return torch::xlogy(joint, plane.reciprocal_().mul_(joint)).sum().item<double>();
}

/// Gradient of the divergence, where `exaggeration` times `joint` takes the place of joint: [N, 2].
Tensor gradient_of(const Tensor& joint, const Tensor& y, double exaggeration) {
  const auto affinities = plane_affinities(y);
  auto force = affinities * (-1 / affinities.sum());
  force.add_(joint, exaggeration).mul_(affinities);  // [N, N], symmetric: the product below is the faster way round
  return 4 * (force.sum(1, /*keepdim=*/true) * y - y.t().matmul(force).t());
}

void check_values(const Tensor& x) {
  const auto n = x.size(0);
  if (const auto finite = x.isfinite().all(1).sum().item<std::int64_t>(); finite < n)
    throw DataError(fmt::format("t-SNE: {} of {} points hold NaN or infinities", n - finite, n));
  if (x.eq(x[0]).all().item<bool>()) throw DataError(fmt::format("t-SNE: all {} points are the same", n));
}

}  // namespace

double fitting_perplexity(std::int64_t points, double wanted) {
  if (!(wanted > 1)) throw ConfigError(fmt::format("perplexity {:g}: expected more than 1", wanted), "30 is usual");
  if (points < kFewestTsnePoints)
    throw DataError(fmt::format("t-SNE: {} points, expected at least {}", points, kFewestTsnePoints));
  if (points > kMostTsnePoints)
    throw DataError(
        fmt::format("t-SNE: {} points, expected at most {}: each is compared with each", points, kMostTsnePoints),
        "take a part of the clips: --clips 2000");
  const double most = double(points - 1) / 3;
  if (wanted <= most) return wanted;
  log_warning("t-SNE: {} points are too few for perplexity {:g}: {:.3g} is used", points, wanted, most);
  return most;
}

Tsne tsne(const Tensor& points, const TsneOptions& options) {
  const torch::NoGradGuard no_grad;
  Tsne result;
  const auto x = as_matrix(points);
  const auto n = x.size(0);
  result.perplexity = fitting_perplexity(n, options.perplexity);
  check_values(x);
  const auto joint = joint_probabilities(x, result.perplexity);
  const double rate = std::max(double(n) / kExaggeration / 4, 50.0);
  auto y = principal_start(x);
  auto step = torch::zeros_like(y), gains = torch::ones_like(y);
  for (std::int64_t i = 0; i < options.iterations; ++i) {
    const bool is_early = i < kExaggeratedIterations;
    if (i == kExaggeratedIterations) {  // as scikit-learn, which minimises anew from there
      step.zero_();
      gains.fill_(1);
    }
    const auto gradient = gradient_of(joint, y, is_early ? kExaggeration : 1);
    gains = torch::where(step * gradient < 0, gains + 0.2, gains * 0.8).clamp_min_(0.01);
    step = (is_early ? 0.5 : 0.8) * step - rate * gains * gradient;
    y = y + step;
    if (options.each_iteration) options.each_iteration(i + 1);
  }
  result.points = y - y.mean(0, /*keepdim=*/true);
  result.kl_divergence = divergence(joint, result.points);
  return result;
}

double tsne_divergence(const Tensor& points, const Tensor& shown, double perplexity) {
  const torch::NoGradGuard no_grad;
  const auto x = as_matrix(points), y = as_matrix(shown);
  const auto fitting = fitting_perplexity(x.size(0), perplexity);
  check_values(x);
  if (y.size(0) != x.size(0)) throw ShapeError(fmt::format("t-SNE: {} points, but {} are shown", x.size(0), y.size(0)));
  return divergence(joint_probabilities(x, fitting), y);
}

double trustworthiness(const Tensor& points, const Tensor& shown, std::int64_t neighbours) {
  const torch::NoGradGuard no_grad;
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const auto x = as_matrix(points), y = as_matrix(shown);
  const auto n = x.size(0);
  if (y.size(0) != n) throw ShapeError(fmt::format("trustworthiness: {} points, but {} are shown", n, y.size(0)));
  if (neighbours < 1 || 2 * neighbours >= n)
    throw ConfigError(
        fmt::format("trustworthiness: {} neighbours of {} points, expected 1 to fewer than half", neighbours, n));
  double excess = 0;  // ranks beyond `neighbours`, over all false neighbours
  for (std::int64_t begin = 0; begin < n; begin += kRowsAtOnce) {
    const auto end = std::min(n, begin + kRowsAtOnce);
    const auto own = own_cells(begin, end);
    const auto order = squared_distances(x, begin, end).scatter_(1, own, kInfinity).argsort(/*stable=*/true, 1);
    const auto rank = torch::empty_like(order).scatter_(1, order, torch::arange(1, n + 1).expand_as(order));  // from 1
    const auto near = std::get<1>(
        squared_distances(y, begin, end).scatter_(1, own, kInfinity).topk(neighbours, 1, /*largest=*/false));
    excess += (rank.gather(1, near) - neighbours).clamp_min_(0).sum().item<double>();
  }
  const double k = double(neighbours);
  return 1 - excess * 2 / (double(n) * k * (2 * double(n) - 3 * k - 1));
}

}  // namespace kuda
