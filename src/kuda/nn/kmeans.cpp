#include "kuda/nn/kmeans.h"

#include <limits>

namespace kuda {

using torch::Tensor;

namespace {

Tensor in_double(const Tensor& x) { return x.detach().to(torch::kFloat64); }

Tensor squared_distance(const Tensor& points, const Tensor& centre) { return (points - centre).square().sum(-1); }

}  // namespace

Tensor nearest_centre(const Tensor& points, const Tensor& centres) {
  const auto x = in_double(points).reshape({-1, points.size(-1)}), c = in_double(centres);
  // |x - c|^2 without |x|^2, which is the same for every centre: [N, K], and never [N, K, D]
  const auto distance = torch::addmm(c.square().sum(1), x, c.t(), 1, -2);
  return distance.argmin(1).view(points.sizes().slice(0, std::size_t(points.dim() - 1)));
}

KMeans run_lloyd(const Tensor& points, const Tensor& centres, std::int64_t most_iterations) {
  const auto x = in_double(points);
  const auto count = centres.size(0);
  KMeans found{in_double(centres).clone(), torch::full({x.size(0)}, -1, torch::kInt64), 0, 0};
  while (found.iterations < most_iterations) {
    ++found.iterations;
    const auto ids = nearest_centre(x, found.centres);
    const bool is_settled = torch::equal(ids, found.ids);
    found.ids = ids;
    if (is_settled) break;
    const auto member = torch::one_hot(ids, count).to(torch::kFloat64);  // [N, K]
    const auto size = member.sum(0).unsqueeze(1);                        // [K, 1]
    found.centres = torch::where(size > 0, member.t().matmul(x) / size.clamp_min(1), found.centres);
  }
  found.ids = nearest_centre(x, found.centres);  // where the limit was reached the centres moved after them
  found.inertia = squared_distance(x, found.centres.index_select(0, found.ids)).sum().item<double>();
  return found;
}

Tensor draw_centres(const Tensor& points, std::int64_t count, Random& random) {
  const auto x = in_double(points);
  const auto last = x.size(0) - 1;
  std::vector<Tensor> centres{x[std::int64_t(random.below(std::uint64_t(x.size(0))))]};
  auto distance = squared_distance(x, centres.back());  // [N], to the nearest centre so far
  while (std::int64_t(centres.size()) < count) {
    const auto running = distance.cumsum(0);
    const auto at = torch::searchsorted(running, running[last] * random.uniform(), false, /*right=*/true);
    centres.push_back(x[at.clamp_max(last).item<std::int64_t>()]);
    distance = torch::minimum(distance, squared_distance(x, centres.back()));
  }
  return torch::stack(centres);
}

KMeans fit_kmeans(const Tensor& points, std::int64_t count, std::int64_t starts, Random& random) {
  KMeans best;
  best.inertia = std::numeric_limits<double>::infinity();
  for (std::int64_t start = 0; start < starts; ++start)
    if (auto found = run_lloyd(points, draw_centres(points, count, random)); found.inertia < best.inertia)
      best = std::move(found);
  return best;
}

}  // namespace kuda
