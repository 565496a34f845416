#include "kuda/extract/face/network_graph.h"

#include <gmock/gmock.h>

#include <functional>
#include <limits>

#include "kuda/base/error.h"
#include "kuda/extract/face/test_network.h"

namespace kuda {
namespace {

using nlohmann::ordered_json;
using test::SmallNetwork;
using testing::HasSubstr;

/// A convolution, a sum and a mean.
SmallNetwork valid() {
  SmallNetwork small;
  small.input = {1, 6, 6, 3};
  small.constants = {{1, at::randn({4, 3, 3, 3})}, {2, at::randn({4})}, {3, at::randn({1, 1, 1, 4})}};
  small.operators = {{{"op", "CONV_2D"},
                      {"stride", {2, 2}},
                      {"same", true},
                      {"activation", "relu"},
                      {"inputs", {0, 1, 2}},
                      {"output", 10},
                      {"shape", {1, 3, 3, 4}}},
                     {{"op", "ADD"}, {"inputs", {10, 3}}, {"output", 11}, {"shape", {1, 3, 3, 4}}},
                     {{"op", "MEAN"}, {"axes", {1, 2}}, {"inputs", {11}}, {"output", 12}, {"shape", {1, 1, 1, 4}}}};
  small.outputs = {12};
  return small;
}

TEST(NetworkGraph, IsReadWithItsShapes) {
  const auto graph = read_network_graph(valid().write());
  ASSERT_EQ(graph.steps.size(), 3U);
  EXPECT_EQ(graph.steps[0].op, NetworkOp::conv_2d);
  EXPECT_TRUE(graph.steps[0].relu);
  EXPECT_EQ(graph.shapes.at(11), (Shape{1, 3, 3, 4}));
  EXPECT_EQ(graph.constants.at(1).sizes(), at::IntArrayRef({4, 3, 3, 3}));
}

TEST(NetworkGraph, HalfPrecisionIsReadAsFloat32) {
  auto small = valid();
  for (auto& [number, values] : small.constants) values = values.to(at::kHalf);
  EXPECT_EQ(read_network_graph(small.write()).constants.at(1).scalar_type(), at::kFloat);
}

struct Damage {
  std::string message;
  std::function<void(ordered_json&)> change;
};

// Each names the file and the place.
TEST(NetworkGraph, DamageIsNamedWithItsPlace) {
  const std::vector<Damage> all{
      {"operators.1: op: expected an operator that kuda has, found ADDD",
       [](auto& j) { j["operators"][1]["op"] = "ADDD"; }},
      {"operators.1: op: expected a text, found 3", [](auto& j) { j["operators"][1]["op"] = 3; }},
      {"operators.2 (MEAN): axes: it is absent", [](auto& j) { j["operators"][2].erase("axes"); }},
      {"operators.2 (MEAN): axes: expected axes behind the batch", [](auto& j) { j["operators"][2]["axes"] = {0}; }},
      {"operators.2 (MEAN): axes: expected axes behind the batch", [](auto& j) { j["operators"][2]["axes"] = {7}; }},
      {"operators.2 (MEAN): axes: expected a whole number, 0 or more, found -1",
       [](auto& j) { j["operators"][2]["axes"] = {-1}; }},
      {"operators.2 (MEAN): axes: expected one or more",
       [](auto& j) { j["operators"][2]["axes"] = ordered_json::array(); }},
      {"operators.2 (MEAN): inputs: tensor 99 is neither in the weights, nor the input, nor made before",
       [](auto& j) { j["operators"][2]["inputs"] = {99}; }},
      {"operators.2 (MEAN): expected 1 inputs, found 2",
       [](auto& j) {
         j["operators"][2]["inputs"] = {10, 11};
       }},
      {"operators.2 (MEAN): expected a first input that depends on the network's, found a constant",
       [](auto& j) { j["operators"][2]["inputs"] = {3}; }},
      {"operators.2 (MEAN): output: tensor 10 is there already", [](auto& j) { j["operators"][2]["output"] = 10; }},
      {"operators.0 (CONV_2D): inputs: tensor 10 is neither",
       [](auto& j) {
         j["operators"][0]["inputs"] = {10, 1, 2};
       }},
      {"operators.0 (CONV_2D): shape: expected [1, 3, 3, 4] from its inputs, found [1, 3, 4, 4]",
       [](auto& j) {
         j["operators"][0]["shape"] = {1, 3, 4, 4};
       }},
      {"operators.0 (CONV_2D): shape: expected sizes from 1 on",
       [](auto& j) {
         j["operators"][0]["shape"] = {1, 0, 4, 4};
       }},
      {"operators.0 (CONV_2D): shape: expected sizes from 1 on",
       [](auto& j) {
         j["operators"][0]["shape"] = {1, 60000, 60000, 4};
       }},
      {"operators.0 (CONV_2D): shape: expected 1 (the batch)",
       [](auto& j) {
         j["operators"][0]["shape"] = {2, 3, 3, 4};
       }},
      {"operators.0 (CONV_2D): stride: expected two numbers from 1 to 8",
       [](auto& j) {
         j["operators"][0]["stride"] = {0, 2};
       }},
      {"operators.0 (CONV_2D): stride: expected two numbers from 1 to 8",
       [](auto& j) { j["operators"][0]["stride"] = {2}; }},
      {"operators.0 (CONV_2D): stride: expected a list of whole numbers",
       [](auto& j) { j["operators"][0]["stride"] = "2"; }},
      {"operators.0 (CONV_2D): activation: expected none or relu, found relu6",
       [](auto& j) { j["operators"][0]["activation"] = "relu6"; }},
      {"operators.0 (CONV_2D): inputs: expected weights [4] as number 2, found [1, 1, 1, 4]",
       [](auto& j) {
         j["operators"][0]["inputs"] = {0, 1, 3};
       }},
      {"operators.0 (CONV_2D): inputs: expected 4 sizes, found [4]",
       [](auto& j) {
         j["operators"][0]["inputs"] = {0, 2, 2};
       }},
      {"operators.0 (CONV_2D): inputs: expected weights [4, 3, 3, 4] as number 1, found [4, 3, 3, 3]",
       [](auto& j) {
         j["input"]["shape"] = {1, 6, 6, 4};
         j["operators"][0]["inputs"] = {0, 1, 2};
       }},
      {"input: tensor 1 is among the weights", [](auto& j) { j["input"]["tensor"] = 1; }},
      {"outputs: tensor 77 is neither", [](auto& j) { j["outputs"] = {77}; }},
      {"outputs: no operator makes tensor 3", [](auto& j) { j["outputs"] = {3}; }},
      {"operators: expected a list of operators", [](auto& j) { j["operators"] = 5; }},
      {"operators: it is absent", [](auto& j) { j.erase("operators"); }},
      {"operators.0: expected an object", [](auto& j) { j["operators"][0] = "CONV_2D"; }}};
  for (const auto& damage : all) {
    const auto small = valid();
    auto json = small.json();
    damage.change(json);
    const auto stem = small.write(json);
    try {
      (void)read_network_graph(stem);
      ADD_FAILURE() << "read: " << damage.message;
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), HasSubstr(stem.string() + ".json: " + damage.message));
    }
  }
}

TEST(NetworkGraph, OptionsThatDoNotFitAreNamed) {
  const auto message = [](const ordered_json& op, const Shape& input) {
    SmallNetwork small;
    small.input = input;
    small.operators = {op};
    small.operators[0]["inputs"] = {0};
    small.operators[0]["output"] = 1;
    if (!op.contains("shape")) small.operators[0]["shape"] = input;
    small.outputs = {1};
    return test::error_of<CheckpointError>([&] { (void)read_network_graph(small.write()); });
  };
  const auto pairs = [](const char* text) { return ordered_json::parse(text); };
  EXPECT_THAT(message({{"op", "TRANSPOSE"}, {"order", {1, 0, 2}}}, {1, 2, 3}),
              HasSubstr("order: expected each axis once, the batch first"));
  EXPECT_THAT(message({{"op", "TRANSPOSE"}, {"order", {0, 1, 1}}}, {1, 2, 3}),
              HasSubstr("order: expected each axis once"));
  EXPECT_THAT(message({{"op", "TRANSPOSE"}, {"order", {0, 1}}}, {1, 2, 3}),
              HasSubstr("order: expected each axis once"));
  EXPECT_THAT(message({{"op", "STRIDED_SLICE"}, {"begin", {0, 2}}, {"end", {1, 2}}}, {1, 4}),
              HasSubstr("expected a part of 0 to 4, found 2 to 2"));
  EXPECT_THAT(message({{"op", "STRIDED_SLICE"}, {"begin", {0, 2}}, {"end", {1, 5}}}, {1, 4}),
              HasSubstr("found 2 to 5"));
  EXPECT_THAT(message({{"op", "STRIDED_SLICE"}, {"begin", {0}}, {"end", {1}}}, {1, 4}),
              HasSubstr("a number for each axis"));
  EXPECT_THAT(message({{"op", "PAD"}, {"padding", pairs("[[1,0],[0,0]]")}}, {1, 4}), HasSubstr("none at the batch"));
  EXPECT_THAT(message({{"op", "PAD"}, {"padding", pairs("[[0,0],[0,9000000000000000000]]")}}, {1, 4}),
              HasSubstr("padding: expected 1048576 at most"));
  EXPECT_THAT(message({{"op", "RESHAPE"}, {"shape", {1, 5}}}, {1, 4}), HasSubstr("as many elements as the input"));
  EXPECT_THAT(message({{"op", "CONCATENATION"}, {"axis", 2}}, {1, 4}),
              HasSubstr("axis: expected one behind the batch"));
  EXPECT_THAT(message({{"op", "RESIZE_BILINEAR"}}, {1, 4, 4}), HasSubstr("expected 4 sizes, found [1, 4, 4]"));
  EXPECT_THAT(message({{"op", "MAX_POOL_2D"}, {"stride", {2, 2}}, {"size", {2, 2}}, {"same", true}}, {1, 5, 4, 1}),
              HasSubstr("pooling over padding is not supported"));
  EXPECT_THAT(message({{"op", "MAX_POOL_2D"}, {"stride", {2, 2}}, {"size", {9, 2}}, {"same", false}}, {1, 5, 4, 1}),
              HasSubstr("a window of 9 does not fit into 5"));
  EXPECT_THAT(message({{"op", "PRELU"}}, {1, 4}), HasSubstr("expected 2 inputs, found 1"));
}

TEST(NetworkGraph, BadWeightsAreNamed) {
  const auto message = [](const std::map<std::int64_t, at::Tensor>& changed) {
    auto small = valid();
    for (const auto& [number, values] : changed) small.constants[number] = values;
    return test::error_of<CheckpointError>([&] { (void)read_network_graph(small.write()); });
  };
  EXPECT_THAT(message({{2, at::full({4}, std::numeric_limits<float>::quiet_NaN())}}),
              HasSubstr("small.safetensors: 2: expected finite numbers"));
  EXPECT_THAT(message({{2, at::zeros({4}, at::kLong)}}),
              HasSubstr("small.safetensors: 2: expected float16 or float32, found int64"));
  EXPECT_THAT(message({{1, at::zeros({4, 3, 3, 2})}}),
              HasSubstr("operators.0 (CONV_2D): inputs: expected weights [4, 3, 3, 3]"));
  auto named = valid();
  const auto stem = named.write();
  io::write_safetensors(stem.string() + ".safetensors", {{"first", io::to_array(at::zeros({4}))}});
  EXPECT_THAT(test::error_of<CheckpointError>([&] { (void)read_network_graph(stem); }),
              HasSubstr("first: expected numbers as names"));
}

TEST(NetworkGraph, MissingAndBrokenFilesAreNamed) {
  const auto stem = valid().write();
  EXPECT_THAT(test::error_of<CheckpointError>([&] { (void)read_network_graph(stem.string() + "_other"); }),
              testing::AllOf(HasSubstr("small_other.json: no such file"), HasSubstr("scripts/setup.sh --extractor")));
  write_file(stem.string() + ".json", "{\"input\": ");
  EXPECT_THAT(test::error_of<FormatError>([&] { (void)read_network_graph(stem); }),
              HasSubstr("small.json: expected JSON"));
  const auto weights = stem.string() + ".safetensors";
  (void)valid().write();
  write_file(weights, read_file(weights).substr(0, 100));
  EXPECT_THAT(test::error_of<FormatError>([&] { (void)read_network_graph(stem); }), HasSubstr("small.safetensors"));
}

}  // namespace
}  // namespace kuda
