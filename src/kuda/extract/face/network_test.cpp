#include "kuda/extract/face/network.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "kuda/extract/face/test_network.h"

namespace kuda {
namespace {

using at::Tensor;
using nlohmann::ordered_json;
using test::SmallNetwork;
using testing::HasSubstr;

bool agree(const Tensor& got, const Tensor& want) {
  return got.sizes() == want.sizes() && at::allclose(got, want, /*rtol=*/1e-5, /*atol=*/1e-5);
}

/// A network of one operator whose inputs are tensor 0 and then the constants.
Tensor run_one(ordered_json op, const Shape& result, const Tensor& x, const std::vector<Tensor>& constants = {}) {
  SmallNetwork small;
  small.input = x.sizes().vec();
  small.input[0] = 1;
  std::vector<std::int64_t> inputs{0};
  for (const auto& values : constants) {
    inputs.push_back(std::int64_t(inputs.size()));
    small.constants[inputs.back()] = values;
  }
  if (!op.contains("inputs")) op["inputs"] = inputs;
  op["output"] = 100;
  op["shape"] = result;
  small.operators = {op};
  small.outputs = {100};
  return Network(small.write()).run(x)[0];
}

TEST(NetworkOperators, AgreeWithTheirMeaning) {
  at::manual_seed(1);
  const auto x = at::randn({3, 4, 6, 5}), positive = x.abs() + 0.1, same = at::randn({1, 1, 1, 5}),
             slope = at::randn({1, 1, 5});
  const Shape shape{1, 4, 6, 5};
  EXPECT_TRUE(agree(run_one({{"op", "ADD"}}, shape, x, {same}), x + same));
  EXPECT_TRUE(agree(run_one({{"op", "SUB"}}, shape, x, {same}), x - same));
  EXPECT_TRUE(agree(run_one({{"op", "MUL"}}, shape, x, {same}), x * same));
  EXPECT_TRUE(agree(run_one({{"op", "DIV"}}, shape, x, {same}), x / same));
  EXPECT_TRUE(agree(run_one({{"op", "SQUARED_DIFFERENCE"}}, shape, x, {same}), (x - same) * (x - same)));
  EXPECT_TRUE(agree(run_one({{"op", "NEG"}}, shape, x), -x));
  EXPECT_TRUE(agree(run_one({{"op", "RELU"}}, shape, x), x.clamp_min(0)));
  EXPECT_TRUE(agree(run_one({{"op", "SQRT"}}, shape, positive), positive.pow(0.5)));
  EXPECT_TRUE(agree(run_one({{"op", "RSQRT"}}, shape, positive), positive.pow(-0.5)));
  EXPECT_TRUE(agree(run_one({{"op", "LOGISTIC"}}, shape, x), 1 / (1 + (-x).exp())));
  EXPECT_TRUE(agree(run_one({{"op", "PRELU"}}, shape, x, {slope}), at::where(x > 0, x, x * slope)));
  EXPECT_TRUE(agree(run_one({{"op", "MEAN"}, {"axes", {1, 2}}}, {1, 1, 1, 5}, x), x.mean({1, 2}, true)));
  EXPECT_TRUE(agree(run_one({{"op", "SUM"}, {"axes", {3}}}, {1, 4, 6, 1}, x), x.sum({3}, true)));
  EXPECT_TRUE(agree(run_one({{"op", "RESHAPE"}}, {1, 24, 5}, x), x.reshape({3, 24, 5})));
  EXPECT_TRUE(agree(run_one({{"op", "TRANSPOSE"}, {"order", {0, 2, 3, 1}}}, {1, 6, 5, 4}, x), x.permute({0, 2, 3, 1})));
  EXPECT_TRUE(agree(run_one({{"op", "STRIDED_SLICE"}, {"begin", {0, 1, 0, 2}}, {"end", {1, 3, 6, 5}}}, {1, 2, 6, 3}, x),
                    x.slice(1, 1, 3).slice(3, 2, 5)));
  EXPECT_TRUE(
      agree(run_one({{"op", "PAD"}, {"padding", ordered_json::parse("[[0,0],[1,0],[0,2],[0,3]]")}}, {1, 5, 8, 8}, x),
            at::constant_pad_nd(x, {0, 3, 0, 2, 1, 0}, 0)));
}

TEST(NetworkOperators, PoolTakesTheLargestOfEachWindow) {
  const auto x = at::randn({2, 4, 6, 5});
  const auto windows = x.unflatten(1, {2, 2}).unflatten(3, {3, 2});  // [N, 2, 2, 3, 2, C]
  EXPECT_TRUE(
      agree(run_one({{"op", "MAX_POOL_2D"}, {"stride", {2, 2}}, {"size", {2, 2}}, {"same", true}}, {1, 2, 3, 5}, x),
            windows.amax({2, 4})));
}

TEST(NetworkOperators, ResizingHasItsCentresAtHalves) {
  const auto x = at::arange(2, at::kFloat).view({1, 1, 2, 1});
  EXPECT_TRUE(agree(run_one({{"op", "RESIZE_BILINEAR"}}, {1, 1, 4, 1}, x),
                    at::tensor({0.F, 0.25F, 0.75F, 1.F}).view({1, 1, 4, 1})));
}

TEST(NetworkOperators, AConstantIsJoinedToEachOfTheBatch) {
  const auto x = at::randn({3, 2, 4}), constant = at::randn({1, 1, 4});
  EXPECT_TRUE(agree(run_one({{"op", "CONCATENATION"}, {"axis", 1}, {"inputs", {1, 0}}}, {1, 3, 4}, x, {constant}),
                    at::cat({constant.expand({3, 1, 4}), x}, 1)));
}

/// conv -> (+ pooled input with more channels of zeros) -> PReLU, as the mesh has it, the sum in either order.
TEST(Network, FusedOperatorsGiveWhatEachGivesAlone) {
  at::manual_seed(2);
  for (const bool conv_first : {true, false})
    for (const bool sum_is_output : {true, false}) {
      SmallNetwork small;
      small.input = {1, 4, 4, 8};
      small.constants = {{1, at::randn({12, 2, 2, 8})}, {2, at::randn({12})}, {3, at::randn({1, 1, 12})}};
      const ordered_json pair = conv_first ? ordered_json{10, 12} : ordered_json{12, 10};
      small.operators = {{{"op", "CONV_2D"},
                          {"stride", {2, 2}},
                          {"same", false},
                          {"activation", "none"},
                          {"inputs", {0, 1, 2}},
                          {"output", 10},
                          {"shape", {1, 2, 2, 12}}},
                         {{"op", "MAX_POOL_2D"},
                          {"stride", {2, 2}},
                          {"size", {2, 2}},
                          {"same", false},
                          {"inputs", {0}},
                          {"output", 11},
                          {"shape", {1, 2, 2, 8}}},
                         {{"op", "PAD"},
                          {"padding", ordered_json::parse("[[0,0],[0,0],[0,0],[0,4]]")},
                          {"inputs", {11}},
                          {"output", 12},
                          {"shape", {1, 2, 2, 12}}},
                         {{"op", "ADD"}, {"inputs", pair}, {"output", 13}, {"shape", {1, 2, 2, 12}}},
                         {{"op", "PRELU"}, {"inputs", {13, 3}}, {"output", 14}, {"shape", {1, 2, 2, 12}}}};
      small.outputs = {14};
      if (sum_is_output) small.outputs.push_back(13);
      const auto x = at::randn({3, 4, 4, 8});
      const auto picture = x.permute({0, 3, 1, 2});
      const auto conv = at::conv2d(picture, small.constants[1].permute({0, 3, 1, 2}), small.constants[2], 2);
      const auto sum =
          (conv + at::constant_pad_nd(at::max_pool2d(picture, 2), {0, 0, 0, 0, 0, 4}, 0)).permute({0, 2, 3, 1});
      const auto out = Network(small.write()).run(x);
      EXPECT_TRUE(agree(out[0], at::where(sum > 0, sum, sum * small.constants[3])));
      if (sum_is_output) EXPECT_TRUE(agree(out[1], sum));
    }
}

TEST(Network, TheSumOfTwoConvolutionsNeedsBoth) {
  SmallNetwork small;
  small.input = {1, 3, 3, 4};
  small.constants = {{1, at::randn({4, 1, 1, 4})}, {2, at::randn({4})}, {3, at::randn({4, 1, 1, 4})}};
  const auto convolution = [](int weight, int input, int output, const char* activation) {
    return ordered_json{{"op", "CONV_2D"},
                        {"stride", {1, 1}},
                        {"same", true},
                        {"activation", activation},
                        {"inputs", {input, weight, 2}},
                        {"output", output},
                        {"shape", {1, 3, 3, 4}}};
  };
  small.operators = {convolution(1, 0, 10, "none"),
                     convolution(3, 0, 11, "none"),
                     {{"op", "ADD"}, {"inputs", {10, 11}}, {"output", 12}, {"shape", {1, 3, 3, 4}}},
                     {{"op", "RELU"}, {"inputs", {12}}, {"output", 13}, {"shape", {1, 3, 3, 4}}},
                     convolution(1, 13, 14, "relu"),
                     {{"op", "ADD"}, {"inputs", {14, 14}}, {"output", 15}, {"shape", {1, 3, 3, 4}}}};
  small.outputs = {15};
  const auto x = at::randn({2, 3, 3, 4});
  const auto pointwise = [&](const Tensor& from, int weight) {
    return from.matmul(small.constants[weight].view({4, 4}).t()) + small.constants[2];
  };
  const auto middle = (pointwise(x, 1) + pointwise(x, 3)).relu();
  EXPECT_TRUE(agree(Network(small.write()).run(x)[0], pointwise(middle, 1).relu() * 2));
}

TEST(Network, AnInputOfAnotherShapeIsNamed) {
  SmallNetwork small;
  small.input = {1, 3};
  small.operators = {{{"op", "NEG"}, {"inputs", {0}}, {"output", 1}, {"shape", {1, 3}}}};
  small.outputs = {1};
  const Network network(small.write());
  for (const auto& x : {at::zeros({2, 4}), at::zeros({3}), at::zeros({0, 3}), at::zeros({2, 3}, at::kDouble)})
    EXPECT_THAT(test::error_of<ShapeError>([&] { (void)network.run(x); }), HasSubstr("expected float32 [N, 3], found"));
}

/// The inputs of tests/data/face/make_answers.py.
Tensor inputs(std::int64_t count, std::uint32_t seed) {
  auto values = at::empty({count}, at::kFloat);
  auto* to = values.mutable_data_ptr<float>();
  for (std::int64_t i = 0; i < count; ++i) {
    auto x = std::uint32_t(i) * 2654435761U + seed * 40503U;
    x ^= x >> 15U;
    x *= 2246822519U;
    x ^= x >> 13U;
    to[i] = float(double(x >> 8U) / (1 << 24));
  }
  return values;
}

/// Answers to 1e-3 of their range; of the detector each 23rd is stored.
void expect_answers(const std::string& network, const Tensor& x, std::int64_t step) {
  const auto stored = io::read_safetensors(test::data_file("face/answers.safetensors"));
  const auto out = Network(test::face_folder() / network).run(x);
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto want = io::to_tensor(stored.at(fmt::format("{}.{}", network, i)));
    const auto got = out[i].flatten().slice(0, 0, out[i].numel(), step);
    ASSERT_EQ(got.numel(), want.numel()) << network << "." << i;
    const auto range = std::max((want.max() - want.min()).item<double>(), want.abs().max().item<double>());
    const auto worst = (got - want).abs().max().item<double>();
    EXPECT_LE(worst, 1e-3 * range) << network << "." << i << " of range " << range;
    testing::Test::RecordProperty(fmt::format("{}.{}", network, i), fmt::format("{:.2g} of {:.3g}", worst, range));
  }
}

class FaceNetworks : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(test::face_folder())) GTEST_SKIP() << "no networks: scripts/setup.sh --extractor";
  }
};

TEST_F(FaceNetworks, AnswerAsTheRuntimeOfTfliteDoes) {
  expect_answers("detector", inputs(192 * 192 * 3, 1).view({1, 192, 192, 3}) * 2 - 1, 23);
  expect_answers("mesh", inputs(256 * 256 * 3, 2).view({1, 256, 256, 3}), 1);
  expect_answers("blendshapes", inputs(146 * 2, 3).view({1, 146, 2}) * 200, 1);
}

TEST_F(FaceNetworks, AnswerForABatchAsForEachAlone) {
  for (const std::string name : {"detector", "mesh", "blendshapes"}) {
    const Network network(test::face_folder() / name);
    auto shape = network.input_shape();
    shape[0] = 3;
    std::int64_t count = 1;
    for (const auto n : shape) count *= n;
    const auto x = inputs(count, 4).view(shape);
    const auto all = network.run(x);
    for (std::int64_t k = 0; k < 3; ++k) {
      const auto one = network.run(x.slice(0, k, k + 1));
      for (std::size_t i = 0; i < all.size(); ++i)
        EXPECT_TRUE(at::allclose(one[i], all[i].slice(0, k, k + 1), 1e-4, 1e-4)) << name << "." << i;
    }
  }
}

}  // namespace
}  // namespace kuda
