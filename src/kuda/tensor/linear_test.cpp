#include "kuda/tensor/linear.h"

#include <gtest/gtest.h>

#include "kuda/base/error.h"
#include "kuda/base/test_support.h"
#include "kuda/tensor/state_dict.h"
#include "kuda/text/bert.h"

namespace kuda {
namespace {

using torch::Tensor;

/// |got - want| / |want|
double relative_error(const Tensor& got, const Tensor& want) {
  return (got.to(torch::kFloat32) - want).norm().item<double>() / want.norm().item<double>();
}

bool has_int8() { return support_of(torch::kCPU).int8; }

TEST(Linear, StartsAndComputesAsTorchDoes) {
  torch::manual_seed(1);
  Linear ours(5, 3);
  torch::manual_seed(1);
  torch::nn::Linear theirs(5, 3);
  EXPECT_TRUE(torch::equal(ours->weight, theirs->weight));
  EXPECT_TRUE(torch::equal(ours->bias, theirs->bias));
  EXPECT_EQ(ours->named_parameters().keys(), theirs->named_parameters().keys());
  const auto x = torch::randn({2, 4, 5});
  EXPECT_TRUE(torch::equal(ours(x), theirs(x)));
}

TEST(Linear, OneOutputIsFloat32InEveryPrecision) {
  Linear score(6, 1), hidden(6, 2);
  const auto x = torch::randn({3, 6});
  const auto exact = score(x.to(torch::kBFloat16).to(torch::kFloat32));
  const Autocast autocast(Precision::bf16_emulated, torch::kCPU);
  EXPECT_EQ(hidden(x).scalar_type(), torch::kBFloat16);
  const auto y = score(x.to(torch::kBFloat16));
  EXPECT_EQ(y.scalar_type(), torch::kFloat32);
  EXPECT_TRUE(torch::equal(y, exact));
  score->prepare(Precision::bf16_emulated);
  EXPECT_FALSE(score->prepared().is_made());
}

TEST(Linear, APreparedLargeLayerDiffersByRoundingAndHoldsItsWeightOnce) {
  torch::manual_seed(2);
  const torch::NoGradGuard no_grad;
  for (const bool has_bias : {true, false}) {
    Linear layer(torch::nn::LinearOptions(384, 768).bias(has_bias));
    const auto contiguous = torch::randn({5, 7, 384});
    const std::vector<Tensor> inputs{contiguous, contiguous.transpose(0, 1), torch::randn({4, 500}).slice(1, 3, 387),
                                     contiguous[0][0]};
    std::vector<Tensor> plain;
    for (const auto& x : inputs) plain.push_back(layer(x));
    layer->prepare(Precision::fp32);
    if (!layer->prepared().is_made()) GTEST_SKIP() << "LibTorch was built without oneDNN, kuda without LIBXSMM";
    EXPECT_EQ(layer->weight.numel(), 0);
    EXPECT_EQ(layer->prepared().bytes(), 4 * 384 * 768);
    for (std::size_t i = 0; i < inputs.size(); ++i)
      EXPECT_TRUE(torch::allclose(layer(inputs[i]), plain[i], 0, 1e-5)) << i;  // sums of 384 terms of order 0.05
    layer->prepare(Precision::bf16_emulated);                                  // too late: nothing happens
    EXPECT_EQ(layer(inputs[0]).scalar_type(), torch::kFloat32);
  }
}

TEST(Linear, LayersThatGainNothingStayPlainInFloat32) {
  Linear layer(64, 24);  // too small for oneDNN's blocks, and no whole panel
  layer->prepare(Precision::fp32);
  EXPECT_FALSE(layer->prepared().is_made());
  EXPECT_EQ(layer->weight.numel(), 64 * 24);
}

TEST(Linear, Bfloat16IsPreparedAtEverySize) {
  torch::manual_seed(3);
  const torch::NoGradGuard no_grad;
  Linear layer(48, 16);
  const auto x = torch::randn({9, 48}), plain = layer(x);
  layer->prepare(Precision::bf16_emulated);
  EXPECT_EQ(layer(x).scalar_type(), torch::kBFloat16);
  EXPECT_LT(relative_error(layer(x), plain), 0.01);  // 8 bits: 0.2 % for the weight, the input and the result each
}

TEST(Linear, Int8IsNearTheExactProduct) {
  if (!has_int8()) GTEST_SKIP();
  torch::manual_seed(4);
  const torch::NoGradGuard no_grad;
  Linear layer(384, 768);
  const auto x = torch::randn({39, 384}), plain = layer(x);
  layer->prepare(Precision::int8);
  EXPECT_EQ(layer(x).scalar_type(), torch::kFloat32);
  // Steps of 1/127 of the largest weight of an output and, in 7 bits, of about four deviations of the input: 2 %.
  const double error = relative_error(layer(x), plain);
  EXPECT_LT(error, 0.04);
  EXPECT_GT(error, 0.001) << "it is not int8";
}

Bert wide_bert() {
  torch::manual_seed(5);
  BertConfig config;
  config.vocab_size = 20;
  config.hidden_size = 384;
  config.intermediate_size = 768;
  config.num_hidden_layers = config.num_attention_heads = 2;
  config.max_position_embeddings = 8;
  Bert bert(config);
  bert->eval();
  return bert;
}

TEST(PreparedBert, GivesTheSameHiddenStates) {
  const torch::NoGradGuard no_grad;
  auto bert = wide_bert();
  const auto ids = torch::randint(20, {3, 8}, torch::kInt64);
  const auto padding = torch::arange(8).unsqueeze(0) >= torch::tensor({8, 2, 5}).unsqueeze(1);
  const auto run = [&] { return bert->forward(ids, Tensor(), padding); };
  const auto plain = run();
  prepare_for_scoring(*bert, Precision::fp32);
  const auto prepared = run();
  for (std::size_t layer = 0; layer < plain.size(); ++layer)  // of order one, after a norm
    EXPECT_TRUE(torch::allclose(prepared[layer], plain[layer], 0, 1e-5)) << layer;
}

TEST(PreparedBert, StaysNearInInt8AndBfloat16) {
  const torch::NoGradGuard no_grad;
  const auto ids = torch::randint(20, {3, 8}, torch::kInt64);
  const auto padding = torch::zeros({3, 8}, torch::kBool);
  for (const auto precision : {Precision::int8, Precision::bf16_emulated}) {
    if (precision == Precision::int8 && !has_int8()) continue;
    auto bert = wide_bert();
    const auto plain = bert->forward(ids, Tensor(), padding).back();
    prepare_for_scoring(*bert, precision);
    const Autocast autocast(precision, torch::kCPU);
    const auto got = bert->forward(ids, Tensor(), padding).back();
    EXPECT_EQ(got.scalar_type(), torch::kFloat32) << "residuals are added in float32";
    // Two layers of six products, each off by 2 % at most, beside residuals that are exact.
    EXPECT_LT(relative_error(got, plain), 0.06) << precision_name(precision);
    EXPECT_GT(relative_error(got, plain), 0) << precision_name(precision);
  }
}

TEST(PreparedBert, HasNoWeightsToSaveOrToLoadInto) {
  auto bert = wide_bert();
  const auto path = test::scratch("bert.safetensors");
  io::write_safetensors(path, state_of(*bert));
  EXPECT_FALSE(is_prepared(*bert));
  EXPECT_EQ(prepared_bytes(*bert), 0);
  prepare_for_scoring(*bert, Precision::bf16_emulated);
  EXPECT_TRUE(is_prepared(*bert));
  // Two layers of 4 d^2 + 2 d f weights and 5 d + f biases, and the pooler; two bytes each.
  constexpr double kWidth = 384, kInner = 768;
  EXPECT_EQ(prepared_bytes(*bert),
            2 * (2 * (4 * kWidth * kWidth + 2 * kWidth * kInner + 5 * kWidth + kInner) + kWidth * kWidth + kWidth));
  EXPECT_THROW((void)state_of(*bert), Error);
  EXPECT_THROW(load_state(*bert, io::read_safetensors(path)), Error);
}

}  // namespace
}  // namespace kuda
