#include "kuda/tensor/dropout.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace kuda {
namespace {

TEST(Dropout, KeepsTheMeanAndDropsTheAskedShare) {
  torch::manual_seed(1);
  constexpr std::int64_t kSize = 1 << 20;
  for (const double rate : {0.1, 0.3, 0.5}) {
    const auto y = hash_dropout(torch::ones({kSize}), rate, true);
    const double dropped = (y == 0).to(torch::kFloat64).mean().item<double>();
    EXPECT_NEAR(dropped, rate, 5 * std::sqrt(rate * (1 - rate) / kSize));  // five standard errors
    EXPECT_FLOAT_EQ(y.max().item<float>(), static_cast<float>(1 / (1 - rate)));
  }
}

TEST(Dropout, NeighboursAndCallsAreUnrelated) {
  torch::manual_seed(2);
  constexpr std::int64_t kSize = 1 << 20;
  const auto kept = (hash_dropout(torch::ones({kSize}), 0.5, true) != 0).to(torch::kFloat64) - 0.5;
  const auto again = (hash_dropout(torch::ones({kSize}), 0.5, true) != 0).to(torch::kFloat64) - 0.5;
  const double bound = 5 * 0.25 / std::sqrt(kSize);  // five standard errors of a mean of products of +-1/2
  for (const std::int64_t lag : {1, 2, 8, 50, 384, 65536})
    EXPECT_NEAR((kept.slice(0, lag) * kept.slice(0, 0, kSize - lag)).mean().item<double>(), 0, 1.05 * bound) << lag;
  EXPECT_NEAR((kept * again).mean().item<double>(), 0, bound);
}

TEST(Dropout, SameSeedSameMaskWhateverTheThreads) {
  const auto x = torch::randn({300000});
  const auto threads = torch::get_num_threads();
  torch::manual_seed(3);
  torch::set_num_threads(1);
  const auto one = hash_dropout(x, 0.2, true);
  torch::manual_seed(3);
  torch::set_num_threads(4);
  const auto four = hash_dropout(x, 0.2, true);
  torch::set_num_threads(threads);
  EXPECT_TRUE(torch::equal(one, four));
  EXPECT_FALSE(torch::equal(one, hash_dropout(x, 0.2, true)));
}

TEST(Dropout, TheGradientHasTheSameMask) {
  const auto x = torch::randn({4, 1000}).transpose(0, 1).requires_grad_();  // not contiguous
  const auto y = hash_dropout(x, 0.3, true);
  y.sum().backward();
  EXPECT_TRUE(torch::equal(x.grad() != 0, y != 0));
  EXPECT_TRUE(torch::allclose(x.grad() * x, y, 1e-6, 0));
}

TEST(Dropout, Bfloat16HasTheMaskOfFloat32) {
  const auto x = torch::randn({300001}).to(torch::kBFloat16).requires_grad_();
  torch::manual_seed(4);
  const auto wide = hash_dropout(x.detach().to(torch::kFloat32), 0.2, true);
  torch::manual_seed(4);
  const auto y = hash_dropout(x, 0.2, true);
  ASSERT_EQ(y.scalar_type(), torch::kBFloat16);
  EXPECT_TRUE(torch::equal(y, wide.to(torch::kBFloat16)));  // rounded to the nearest, as LibTorch does
  y.sum().backward();
  EXPECT_TRUE(torch::equal(x.grad() != 0, wide != 0));
}

TEST(Dropout, Bfloat16KeepsWhatIsNotFinite) {
  torch::manual_seed(5);
  const double infinity = std::numeric_limits<double>::infinity(), nan = std::numeric_limits<double>::quiet_NaN();
  for (const double value : {infinity, -infinity, nan}) {
    const auto y = hash_dropout(torch::full({1000}, value, torch::kBFloat16), 0.5, true);
    EXPECT_TRUE((y == 0).logical_or(std::isnan(value) ? y.isnan() : y == value).all().item<bool>()) << value;
    EXPECT_FALSE((y == 0).all().item<bool>());
  }
}

TEST(Dropout, DoesNothingOutsideTraining) {
  const auto x = torch::randn({10});
  EXPECT_TRUE(hash_dropout(x, 0.5, false).is_same(x));
  EXPECT_TRUE(hash_dropout(x, 0, true).is_same(x));
}

}  // namespace
}  // namespace kuda
