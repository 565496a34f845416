#include "kuda/tensor/panels.h"

#include <gtest/gtest.h>

#include <cmath>

#include "kuda/base/error.h"

namespace kuda {
namespace {

using torch::Tensor;

class Panels : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!suits_panels(torch::zeros({64, 64}))) GTEST_SKIP() << "no LIBXSMM, or a processor for which oneDNN is taken";
    torch::manual_seed(1);
  }
  torch::NoGradGuard no_grad;
};

TEST_F(Panels, AgreeWithTorch) {
  for (const auto& shape : std::vector<std::vector<std::int64_t>>{{1, 39, 384},
                                                                  {384},
                                                                  {15, 384},
                                                                  {2, 63, 384},
                                                                  {130, 384},
                                                                  {32, 39, 384},
                                                                  {700, 384},
                                                                  {0, 384},
                                                                  {3, 709},
                                                                  {41, 64}})
    for (const bool has_bias : {true, false}) {
      const auto in = shape.back();
      const auto x = torch::randn(shape), weight = torch::randn({96, in}) / std::sqrt(double(in));
      const auto bias = has_bias ? torch::randn({96}) : Tensor();
      const auto got = panel_product(x, to_panels(weight), bias), want = torch::linear(x, weight, bias);
      ASSERT_EQ(got.sizes(), want.sizes());
      EXPECT_TRUE(torch::allclose(got, want, 0, 1e-5)) << x.sizes();  // sums of order 1 with some 700 terms
    }
}

TEST_F(Panels, TakeInputsThatAreNotInOnePiece) {
  const auto weight = torch::randn({64, 128}) / 11, panels = to_panels(weight),
             bias = torch::randn({128}).slice(0, 0, 128, 2);
  const auto x = torch::randn({40, 7, 200});
  for (const auto& part : {x.slice(2, 3, 131), x.transpose(0, 1).slice(2, 0, 128), x.select(1, 2).slice(1, 72)})
    EXPECT_TRUE(torch::allclose(panel_product(part, panels, bias), torch::linear(part, weight, bias), 0, 1e-5));
}

TEST_F(Panels, ARowDependsOnNothingBesideIt) {
  const auto x = torch::randn({200, 256}), bias = torch::randn({512});
  const auto panels = to_panels(torch::randn({512, 256}) / 16);
  const auto all = panel_product(x, panels, bias);
  for (const std::int64_t rows : {1, 2, 39, 65, 199})
    EXPECT_TRUE(torch::equal(panel_product(x.slice(0, 0, rows), panels, bias), all.slice(0, 0, rows))) << rows;
  const auto threads = torch::get_num_threads();
  torch::set_num_threads(2);
  EXPECT_TRUE(torch::equal(panel_product(x, panels, bias), all));
  torch::set_num_threads(threads);
}

TEST_F(Panels, ValuesThatAreNotFiniteStayInTheirRow) {
  auto x = torch::randn({3, 64});
  x[1][5] = NAN;
  const auto y = panel_product(x, to_panels(torch::randn({64, 64})), Tensor());
  EXPECT_TRUE(y[1].isnan().all().item<bool>());
  EXPECT_TRUE(y[0].isfinite().all().item<bool>());
  EXPECT_TRUE(y[2].isfinite().all().item<bool>());
}

TEST_F(Panels, AreForFloat32WeightsOfWholePanels) {
  EXPECT_FALSE(suits_panels(torch::zeros({65, 64})));
  EXPECT_FALSE(suits_panels(torch::zeros({64, 64}, torch::kBFloat16)));
}

}  // namespace
}  // namespace kuda
