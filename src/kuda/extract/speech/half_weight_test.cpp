#include "kuda/extract/speech/half_weight.h"

#include <gtest/gtest.h>

#include "kuda/extract/speech/test_speech.h"

namespace kuda {
namespace {

using test::difference;

TEST(HalfWeight, ProductsAreThoseOfTheSameWeightsInFloat32) {
  if (!has_half_products()) GTEST_SKIP() << "this processor makes none";
  torch::manual_seed(1);
  for (const std::int64_t in : {1, 7, 8, 31, 32, 45, 384, 1536})
    for (const std::int64_t rows : {1, 3}) {
      const auto weight = torch::randn({33, in}).to(torch::kHalf), x = torch::randn({2, rows, in}),
                 bias = torch::randn({33});
      const auto expected = torch::linear(x.to(torch::kFloat64), weight.to(torch::kFloat64), bias.to(torch::kFloat64));
      const auto found = half_product(x, weight, bias);
      ASSERT_EQ(found.sizes(), expected.sizes());
      EXPECT_LT(difference(found, expected), 2e-6 * double(in) + 2e-6) << in;  // each sum is of `in` roundings
    }
}

TEST(HalfWeight, SubnormalsInfinitiesAndSignsAreExact) {
  if (!has_half_products()) GTEST_SKIP() << "this processor makes none";
  const auto weight = torch::tensor({{6e-8F, -65504.F, 0.F, 1.F, 1.F, 1.F, 1.F, 1.F}}).to(torch::kHalf);
  const auto x = torch::zeros({8});
  x[0] = 1;
  EXPECT_EQ(half_product(x, weight, {}).item<float>(), weight[0][0].item<float>());
  x[0] = 0;
  x[1] = 2;
  EXPECT_EQ(half_product(x, weight, {}).item<float>(), -131008.F);
}

TEST(HalfWeight, IsTakenOnlyWhereNothingIsLost) {
  if (!has_half_products()) GTEST_SKIP() << "this processor makes none";
  EXPECT_TRUE(exact_half(torch::full({2, 2}, 0.5)).defined());
  EXPECT_FALSE(exact_half(torch::full({2, 2}, 0.1)).defined());
  EXPECT_FALSE(exact_half(torch::full({2, 2}, 70000.0)).defined());
  const torch::NoGradGuard no_grad;
  for (const bool is_exact : {true, false}) {
    StepLinear layer(torch::nn::LinearOptions(16, 8), Rows::few, torch::kFloat32);
    PieceTable table(40, 16, torch::kFloat32);
    torch::nn::init::normal_(table->weight);
    if (is_exact)
      for (auto& parameter : {layer->weight, table->weight}) parameter.copy_(parameter.to(torch::kHalf));
    const auto x = torch::randn({16});
    const auto y = layer(x), logits = table->logits(x), row = table(torch::tensor({std::int64_t{7}}));
    layer->prepare(Precision::fp32);
    table->prepare(Precision::fp32);
    EXPECT_EQ(table->weight.numel() == 0, is_exact);
    EXPECT_LT(difference(layer(x), y), 1e-5);
    EXPECT_LT(difference(table->logits(x), logits), 1e-5);
    EXPECT_TRUE(torch::equal(table(torch::tensor({std::int64_t{7}})), row));
  }
}

}  // namespace
}  // namespace kuda
