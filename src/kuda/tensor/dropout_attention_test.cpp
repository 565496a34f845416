#include "kuda/tensor/dropout_attention.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "kuda/tensor/dropout.h"

namespace kuda {
namespace {

using torch::Tensor;

constexpr double kRate = 0.3;

struct Inputs {
  Tensor query, key, value, upstream;

  explicit Inputs(std::int64_t rows = 150, std::int64_t keys = 170) {
    torch::manual_seed(5);
    const auto heads = [](std::int64_t length) {  // [B, H, L, Dh] as models make it: a view of [B, L, H * Dh]
      return torch::randn({2, length, 3, 16}).transpose(1, 2).requires_grad_();
    };
    query = heads(rows);
    key = heads(keys);
    value = heads(keys);
    upstream = torch::randn({2, 3, rows, 16});
  }

  /// The result and the three gradients.
  template <class Attend>
  std::vector<Tensor> run(const Attend& attend) const {
    torch::manual_seed(6);
    const auto mixed = attend();
    const auto gradients = torch::autograd::grad({mixed}, {query, key, value}, {upstream});
    return {mixed.detach(), gradients[0], gradients[1], gradients[2]};
  }
  [[nodiscard]] std::vector<Tensor> written_out(const Tensor& visible) const {
    return run([&] {
      auto scores = (query * (1 / std::sqrt(16.0))).matmul(key.transpose(2, 3));
      if (visible.defined())
        scores = scores.masked_fill(visible.logical_not(), -std::numeric_limits<double>::infinity());
      return hash_dropout(scores.softmax(-1), kRate, true).matmul(value);
    });
  }
  [[nodiscard]] std::vector<Tensor> in_parts(const Tensor& visible) const {
    return run([&] { return dropout_attention(query, key, value, visible, kRate); });
  }
};

void expect_same(const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
  ASSERT_EQ(a.size(), b.size());
  // float32 sums of up to 170 products of order 1 in another order.
  for (std::size_t i = 0; i < a.size(); ++i) EXPECT_LE((a[i] - b[i]).abs().max().item<double>(), 2e-5) << i;
}

Tensor lengths_to_visible(std::int64_t keys) {  // [2, 1, 1, keys]: the second clip is shorter
  return (torch::arange(keys).unsqueeze(0) < torch::tensor({keys, std::int64_t{60}}).unsqueeze(1))
      .unsqueeze(1)
      .unsqueeze(1);
}

TEST(DropoutAttention, IsTheWrittenOutFormWithItsGradients) {
  for (const std::int64_t keys : {170, 700}) {  // one part a head, and several
    const Inputs inputs(150, keys);
    expect_same(inputs.in_parts({}), inputs.written_out({}));
  }
}

TEST(DropoutAttention, HidesPaddingAndMasksOfEveryRow) {
  const Inputs inputs;
  const auto padding = lengths_to_visible(170);
  expect_same(inputs.in_parts(padding), inputs.written_out(padding));
  const auto earlier = torch::ones({150, 170}, torch::kBool).tril().unsqueeze(0).unsqueeze(0);
  expect_same(inputs.in_parts(earlier), inputs.written_out(earlier));
}

TEST(DropoutAttention, TheSameThreadsGiveTheSameBytesAndOthersTheSameMask) {
  const Inputs inputs;
  const auto threads = torch::get_num_threads();
  torch::set_num_threads(1);
  const auto one = inputs.in_parts({});
  torch::set_num_threads(3);
  const auto three = inputs.in_parts({}), again = inputs.in_parts({});
  torch::set_num_threads(threads);
  for (std::size_t i = 0; i < three.size(); ++i) EXPECT_TRUE(torch::equal(three[i], again[i])) << i;
  expect_same(one, three);  // matrix products may differ by rounding
}

TEST(DropoutAttention, LeavesWhatItCannotDo) {
  const Inputs inputs;
  const auto takes = [&](const Tensor& visible, double rate) {
    return has_dropout_attention(inputs.query, inputs.key, inputs.value, visible, rate);
  };
  EXPECT_TRUE(takes({}, kRate));
  EXPECT_TRUE(takes(lengths_to_visible(170), kRate));
  EXPECT_FALSE(takes({}, 0));
  auto hidden = lengths_to_visible(170).clone();
  hidden[1].fill_(false);  // a clip without any visible key
  EXPECT_FALSE(takes(hidden, kRate));
  EXPECT_FALSE(has_dropout_attention(inputs.query.to(torch::kFloat64), inputs.key, inputs.value, {}, kRate));
  const Inputs small(20, 30);
  EXPECT_FALSE(has_dropout_attention(small.query, small.key, small.value, {}, kRate));
}

}  // namespace
}  // namespace kuda
