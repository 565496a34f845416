#include "kuda/nn/own_labels.h"

#include <gtest/gtest.h>

#include <limits>

namespace kuda {
namespace {

TEST(OwnLabels, OnlyClipsAndModalitiesThatHaveOneCount) {
  constexpr float kUnknown = std::numeric_limits<float>::quiet_NaN();
  Batch batch;
  batch.label = torch::zeros({3});
  batch.unimodal_labels.text = torch::tensor({1.0F, kUnknown, 0.0F});
  batch.unimodal_labels.audio = torch::tensor({-1.0F, -1.0F, -1.0F});
  PerModality<torch::Tensor> scores;
  scores.text = torch::tensor({0.5F, 7.0F, 0.25F}, torch::requires_grad());
  scores.audio = torch::tensor({0.0F, 0.0F, 0.0F}, torch::requires_grad());
  const auto error = own_label_error(scores, batch);
  EXPECT_FLOAT_EQ(error.item<float>(), ((0.5F + 0.25F) / 2 + 1) / 2);
  error.backward();
  EXPECT_TRUE(torch::equal(scores.text.grad(), torch::tensor({-0.25F, 0.0F, 0.25F})));
}

TEST(OwnLabels, NoLabelIsNoError) {
  Batch batch;
  batch.label = torch::zeros({2});
  PerModality<torch::Tensor> scores;
  scores.vision = torch::ones({2}, torch::requires_grad());
  EXPECT_EQ(own_label_error(scores, batch).item<float>(), 0);
  batch.unimodal_labels.vision = torch::full({2}, std::numeric_limits<float>::quiet_NaN());
  const auto error = own_label_error(scores, batch);
  EXPECT_EQ(error.item<float>(), 0);
  error.backward();
  EXPECT_TRUE(torch::equal(scores.vision.grad(), torch::zeros({2})));
}

}  // namespace
}  // namespace kuda
