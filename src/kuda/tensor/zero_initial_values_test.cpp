#include "kuda/tensor/zero_initial_values.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

namespace kuda {
namespace {

TEST(ZeroInitialValues, LastWhileItLivesAndDrawNothing) {
  torch::manual_seed(1);
  const auto first = torch::rand({3});
  torch::manual_seed(1);
  {
    const ZeroInitialValues zero;
    const torch::nn::Linear layer(4, 5);
    EXPECT_EQ(layer->weight.abs().sum().item<float>(), 0);
    EXPECT_TRUE(layer->weight.requires_grad());
    const torch::nn::LSTM recurrent(3, 2);
    for (const auto& parameter : recurrent->parameters()) EXPECT_EQ(parameter.abs().sum().item<float>(), 0);
    EXPECT_EQ(torch::randn({2, 2}).abs().sum().item<float>(), 0);
    EXPECT_EQ(torch::ones({2}).sum().item<float>(), 2);  // anything else is as it was
  }
  EXPECT_TRUE(torch::equal(torch::rand({3}), first));
  EXPECT_GT(torch::nn::Linear(4, 5)->weight.abs().sum().item<float>(), 0);
}

}  // namespace
}  // namespace kuda
