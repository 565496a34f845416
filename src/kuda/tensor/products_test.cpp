#include "kuda/tensor/products.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "kuda/base/error.h"
#include "kuda/tensor/precision.h"

namespace kuda {
namespace {

using torch::Tensor;

class OneDnnProducts : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!has_onednn()) GTEST_SKIP() << "LibTorch was built without oneDNN";
    use_products(Products::onednn);
    torch::manual_seed(1);
  }
  void TearDown() override { use_products(Products::automatic); }
};

using Product = std::function<Tensor(const Tensor&, const Tensor&, const Tensor&)>;

/// The product and its gradients, those asked for, with an upstream gradient whose rows are not in one piece.
std::vector<Tensor> with_gradients(const Product& product, std::vector<Tensor> inputs) {
  std::vector<Tensor> trained;
  for (auto& input : inputs) {
    if (!input.defined()) continue;
    const bool is_trained = input.requires_grad();
    input = input.detach().requires_grad_(is_trained);
    if (is_trained) trained.push_back(input);
  }
  const auto y = product(inputs[0], inputs[1], inputs[2]);
  auto found = torch::autograd::grad({y.transpose(0, -1).sin().sum()}, trained);
  found.insert(found.begin(), y);
  return found;
}

TEST_F(OneDnnProducts, AgreeWithTorchAndSoDoTheirGradients) {
  struct Case {
    std::vector<std::int64_t> shape;  ///< of x
    std::int64_t out;
    bool has_bias, trains_x, trains_weight;
  };
  for (const auto& c : {Case{{32, 39, 384}, 768, true, true, true}, Case{{32, 39, 384}, 768, false, true, true},
                        Case{{700, 33}, 128, true, false, true}, Case{{4, 5, 50, 128}, 64, true, true, false},
                        Case{{1, 768}, 3072, true, true, true}}) {
    const auto in = c.shape.back();
    const auto x = torch::randn(c.shape).requires_grad_(c.trains_x);
    const auto weight = (torch::randn({c.out, in}) / std::sqrt(double(in))).requires_grad_(c.trains_weight);
    const auto bias = c.has_bias ? torch::randn({c.out}).requires_grad_(c.trains_weight) : Tensor();
    const auto got = with_gradients(linear_product, {x, weight, bias});
    const auto want = with_gradients(torch::linear, {x, weight, bias});
    EXPECT_NE(got[0].grad_fn()->name().find("OneDnnLinear"), std::string::npos) << got[0].grad_fn()->name();
    ASSERT_EQ(got.size(), want.size());
    for (std::size_t i = 0; i < got.size(); ++i) {
      // Sums of up to 1248 terms of order one in another order: rounding of 6e-8 of the sum's size.
      EXPECT_TRUE(torch::allclose(got[i], want[i], 1e-5, 1e-5 * want[i].abs().max().item<double>()))
          << c.shape << " " << i;
      EXPECT_EQ(got[i].sizes(), want[i].sizes());
    }
  }
}

TEST_F(OneDnnProducts, TakeAnExpandedGradient) {
  const auto x = torch::randn({64, 384}).requires_grad_(), weight = torch::randn({384, 384}).requires_grad_();
  const auto got = torch::autograd::grad({linear_product(x, weight, {}).sum()}, {x, weight});
  const auto want = torch::autograd::grad({torch::linear(x, weight, {}).sum()}, {x, weight});
  for (std::size_t i = 0; i < got.size(); ++i) EXPECT_TRUE(torch::allclose(got[i], want[i], 1e-5, 1e-4)) << i;
}

TEST_F(OneDnnProducts, AreSelectedByNameAndForLargeFloat32Alone) {
  EXPECT_EQ(products_in_use(), Products::onednn);
  const auto large = torch::randn({64, 384}), weight = torch::randn({384, 384});
  for (const auto& x : {large.slice(0, 0, 3), large.slice(0, 0, 0)})
    EXPECT_TRUE(torch::equal(linear_product(x, weight, {}), torch::linear(x, weight, {})));
  const auto exact = linear_product(large.to(torch::kFloat64), weight.to(torch::kFloat64), {});
  EXPECT_EQ(exact.scalar_type(), torch::kFloat64);
  {
    const Autocast autocast(Precision::bf16_emulated, torch::kCPU);
    EXPECT_EQ(linear_product(large, weight, {}).scalar_type(), torch::kBFloat16);
  }
  use_products(Products::standard);
  EXPECT_TRUE(torch::equal(linear_product(large, weight, {}), torch::linear(large, weight, {})));
  EXPECT_EQ(products_from("onednn"), Products::onednn);
  EXPECT_THROW((void)products_from("mkl"), ConfigError);
}

TEST_F(OneDnnProducts, GiveTheSameBytesEachTime) {
  const auto x = torch::randn({1248, 384}).requires_grad_();
  const auto weight = torch::randn({768, 384}).requires_grad_();
  const auto first = with_gradients(linear_product, {x, weight, Tensor()});
  const auto again = with_gradients(linear_product, {x, weight, Tensor()});
  for (std::size_t i = 0; i < first.size(); ++i) EXPECT_TRUE(torch::equal(first[i], again[i])) << i;
}

}  // namespace
}  // namespace kuda
