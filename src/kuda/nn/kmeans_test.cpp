// What the golden case of k-means does not pin: the start, restarts, centres without points.

#include "kuda/nn/kmeans.h"

#include <gtest/gtest.h>

namespace kuda {
namespace {

using torch::Tensor;

/// `count` groups of 50 points around (10 i, -10 i).
Tensor groups_of_points(std::int64_t count) {
  torch::manual_seed(4);
  const auto middle = torch::arange(count).to(torch::kFloat32).mul(10).repeat_interleave(50);
  return torch::stack({middle, -middle}, 1) + 0.1 * torch::randn({50 * count, 2});
}

TEST(KMeans, FindsTheGroupsFromItsOwnStart) {
  const auto points = groups_of_points(6);
  Random random(1);
  const auto found = fit_kmeans(points, 6, 4, random);
  const auto ids = found.ids.view({6, 50});
  EXPECT_TRUE(torch::equal(ids, ids.select(1, 0).unsqueeze(1).expand({6, 50}))) << "a group is one cluster";
  EXPECT_EQ(std::get<0>(at::_unique(ids.select(1, 0))).size(0), 6);
  for (std::int64_t group = 0; group < 6; ++group)
    EXPECT_TRUE(torch::allclose(found.centres[ids[group][0].item<std::int64_t>()],
                                points.slice(0, 50 * group, 50 * group + 50).mean(0, false, torch::kFloat64), 0,
                                1e-12));
}

TEST(KMeans, SettlesWhereEveryCentreIsTheMeanOfItsPoints) {
  torch::manual_seed(9);
  const auto points = torch::randn({300, 3}, torch::kFloat64);
  const auto found = run_lloyd(points, points.slice(0, 0, 5));
  EXPECT_LT(found.iterations, 300);
  EXPECT_TRUE(torch::equal(found.ids, nearest_centre(points, found.centres)));
  double inertia = 0;
  for (std::int64_t k = 0; k < 5; ++k) {
    const auto own = points.index({found.ids == k});
    EXPECT_TRUE(torch::allclose(found.centres[k], own.mean(0), 0, 1e-12));
    inertia += (own - own.mean(0)).square().sum().item<double>();
  }
  EXPECT_NEAR(found.inertia, inertia, 1e-9);
  EXPECT_GT(run_lloyd(points, points.slice(0, 0, 5), 1).inertia, found.inertia);
}

TEST(KMeans, MoreStartsNeverGiveMoreInertiaAndOneSeedGivesOneResult) {
  torch::manual_seed(2);
  const auto points = torch::randn({200, 2});
  const auto fit = [&](std::int64_t starts) {
    Random random(7);
    return fit_kmeans(points, 12, starts, random);
  };
  EXPECT_LT(fit(8).inertia, fit(1).inertia) << "twelve clusters of one cloud have many settled states";
  EXPECT_TRUE(torch::equal(fit(3).centres, fit(3).centres));
}

TEST(KMeans, TheStartSpreadsOverDistinctPoints) {
  const auto points = torch::tensor({{0.0F}, {0.0F}, {0.0F}, {0.0F}, {5.0F}, {9.0F}});
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    Random random(seed);
    EXPECT_EQ(std::get<0>(at::_unique(draw_centres(points, 3, random))).size(0), 3) << "seed " << seed;
  }
}

TEST(KMeans, ACentreWithoutPointsStays) {
  const auto found = run_lloyd(torch::tensor({{1.0F}, {3.0F}}), torch::tensor({{2.0F}, {50.0F}}));
  EXPECT_TRUE(torch::equal(found.centres, torch::tensor({{2.0}, {50.0}}, torch::kFloat64)));
  Random random(1);
  const auto few = fit_kmeans(torch::tensor({{1.0F}, {3.0F}}), 4, 2, random);  // fewer points than centres
  EXPECT_EQ(few.inertia, 0);
  EXPECT_TRUE(few.centres.isfinite().all().item<bool>());
}

TEST(KMeans, ShapesOfPointsAreThoseOfIds) {
  const auto ids = nearest_centre(torch::tensor({{{0.0F}, {9.0F}}, {{4.0F}, {6.0F}}}), torch::tensor({{0.0}, {10.0}}));
  EXPECT_TRUE(torch::equal(ids, torch::tensor({{0L, 1L}, {0L, 1L}})));
}

}  // namespace
}  // namespace kuda
