#include "kuda/tensor/positions.h"

#include <gtest/gtest.h>

#include "kuda/text/bert.h"

namespace kuda {
namespace {

using torch::Tensor;

/// Clips of 3, 1 and 4 real positions, one of them with a hole.
Tensor padding_with_a_hole() {
  return torch::tensor({0, 0, 0, 1, 0, 1, 1, 1, 0, 0, 1, 0}, torch::kInt64).view({3, 4}).to(torch::kBool);
}

TEST(Positions, PackKeepsTheRealOnesAndUnpackPutsZerosElsewhere) {
  const auto padding = padding_with_a_hole();
  const auto x = torch::randn({3, 4, 2});
  const auto positions = Positions::packed(padding);
  ASSERT_TRUE(positions.is_packed());
  const auto packed = positions.pack(x);
  EXPECT_EQ(packed.sizes(), (std::vector<std::int64_t>{7, 2}));
  EXPECT_TRUE(torch::equal(positions.unpack(packed), x.masked_fill(padding.unsqueeze(-1), 0)));
  EXPECT_TRUE(torch::equal(positions.per_position(torch::tensor({1.0, 2.0, 3.0}).view({3, 1, 1})),
                           torch::tensor({1.0, 1.0, 1.0, 2.0, 3.0, 3.0, 3.0}).view({7, 1})));
}

TEST(Positions, StaysPaddedWhereNothingIsSaved) {
  EXPECT_FALSE(Positions::packed(torch::zeros({2, 3}, torch::kBool)).is_packed());
  EXPECT_FALSE(Positions::packed(torch::ones({2, 3}, torch::kBool)).is_packed());
}

TEST(Positions, AttentionWithinPackedClipsEqualsMaskedAttention) {
  torch::manual_seed(1);
  auto padding = padding_with_a_hole();
  padding[1] = true;  // a clip without any real position
  const auto q = torch::randn({3, 4, 6}), k = torch::randn({3, 4, 6}), v = torch::randn({3, 4, 6});
  const auto packed = Positions::packed(padding);
  const auto got = packed.unpack(packed.attend(packed.pack(q), packed.pack(k), packed.pack(v), 2, 0));
  for (const std::int64_t clip : {0, 2}) {
    const auto real = padding[clip].logical_not();
    const Positions one(padding.slice(0, clip, clip + 1));
    const auto want =
        one.attend(q.slice(0, clip, clip + 1), k.slice(0, clip, clip + 1), v.slice(0, clip, clip + 1), 2, 0);
    EXPECT_TRUE(torch::allclose(got[clip].index({real}), want[0].index({real}), 1e-5, 1e-6));
  }
  EXPECT_EQ(got[1].abs().max().item<float>(), 0);
}

TEST(Positions, BertGivesTheSameHiddenStatesAndGradientsWithoutItsPadding) {
  torch::manual_seed(2);
  BertConfig config;
  config.vocab_size = 20;
  config.hidden_size = config.intermediate_size = 8;
  config.num_hidden_layers = config.num_attention_heads = 2;
  config.max_position_embeddings = 6;
  Bert bert(config);
  bert->eval();
  const auto ids = torch::randint(20, {3, 6}, torch::kInt64);
  const auto padding = torch::arange(6).unsqueeze(0) >= torch::tensor({6, 2, 3}).unsqueeze(1);
  const auto weight = padding.logical_not().unsqueeze(-1).to(torch::kFloat32);
  const auto run = [&](bool skips) {
    skip_padding(*bert, skips);
    bert->zero_grad();
    const auto hidden = bert->forward(ids, Tensor(), padding);
    (hidden[1] * weight).sum().backward({}, /*retain_graph=*/true);
    (hidden[2] * weight).square().sum().backward();
    std::vector<Tensor> result{hidden[1] * weight, hidden[2] * weight};
    for (const auto& parameter : bert->parameters())
      if (parameter.grad().defined()) result.push_back(parameter.grad().clone());
    return result;
  };
  const auto padded = run(false), packed = run(true);
  ASSERT_EQ(padded.size(), packed.size());
  for (std::size_t i = 0; i < padded.size(); ++i)  // float32 rounding of sums in another order
    EXPECT_TRUE(torch::allclose(padded[i], packed[i], 1e-4, 1e-5)) << i;
}

}  // namespace
}  // namespace kuda
