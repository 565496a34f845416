#include "kuda/extract/face/network_graph.h"

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/base/json_place.h"
#include "kuda/base/names.h"
#include "kuda/extract/face/network_shapes.h"
#include "kuda/io/safetensors.h"
#include "kuda/tensor/tensor.h"

namespace kuda {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kMostElements = 1 << 26;  ///< of a tensor; the networks known have a million

const std::vector<std::pair<std::string, NetworkOp>>& operators() {
  using enum NetworkOp;
  static const std::vector<std::pair<std::string, NetworkOp>> list{{"ADD", add},
                                                                   {"CONCATENATION", concatenation},
                                                                   {"CONV_2D", conv_2d},
                                                                   {"DEPTHWISE_CONV_2D", depthwise_conv_2d},
                                                                   {"DIV", div},
                                                                   {"LOGISTIC", logistic},
                                                                   {"MAX_POOL_2D", max_pool_2d},
                                                                   {"MEAN", mean},
                                                                   {"MUL", mul},
                                                                   {"NEG", neg},
                                                                   {"PAD", pad},
                                                                   {"PRELU", prelu},
                                                                   {"RELU", relu},
                                                                   {"RESHAPE", reshape},
                                                                   {"RESIZE_BILINEAR", resize_bilinear},
                                                                   {"RSQRT", rsqrt},
                                                                   {"SQRT", sqrt},
                                                                   {"SQUARED_DIFFERENCE", squared_difference},
                                                                   {"STRIDED_SLICE", strided_slice},
                                                                   {"SUB", sub},
                                                                   {"SUM", sum},
                                                                   {"TRANSPOSE", transpose}};
  return list;
}

NetworkOp op_of(const std::string& name, const std::string& place) {
  std::vector<std::string> known;
  for (const auto& [text, op] : operators()) {
    if (text == name) return op;
    known.push_back(text);
  }
  throw CheckpointError(fmt::format("{}: op: expected an operator that kuda has, found {}", place, name),
                        suggestion(name, known));
}

/// A list of whole numbers, each 0 or more.
std::vector<std::int64_t> numbers(const JsonPlace::json& object, const std::string& key, const std::string& place) {
  const JsonPlace here(object, place);
  const auto list = here.at(key);
  const auto& value = object.at(key);
  if (!value.is_array() || value.size() > 4096) list.expected("a list of whole numbers");
  std::vector<std::int64_t> all;
  for (const auto& item : value) all.push_back(JsonPlace(item, place + ": " + key).whole());
  return all;
}

Shape shape_at(const JsonPlace::json& object, const std::string& place) {
  auto shape = numbers(object, "shape", place);
  std::int64_t elements = 1;
  for (const auto n : shape)
    if (n < 1 || n > kMostElements || (elements *= n) > kMostElements)
      throw CheckpointError(fmt::format("{}: shape: expected sizes from 1 on and {} elements at most, found [{}]",
                                        place, kMostElements, fmt::join(shape, ", ")));
  if (shape.empty() || shape.size() > 5 || shape[0] != 1)
    throw CheckpointError(fmt::format("{}: shape: expected 1 (the batch) and up to four more sizes, found [{}]", place,
                                      fmt::join(shape, ", ")));
  return shape;
}

void read_options(const JsonPlace::json& object, NetworkStep& step) {
  using enum NetworkOp;
  const JsonPlace here(object, step.place);
  switch (step.op) {
    case conv_2d:
    case depthwise_conv_2d: {
      const auto activation = here.at("activation").text();
      if (activation != "none" && activation != "relu")
        throw CheckpointError(fmt::format("{}: activation: expected none or relu, found {}", step.place, activation));
      step.relu = activation == "relu";
      step.stride = numbers(object, "stride", step.place);
      step.same = here.at("same").flag();
      break;
    }
    case max_pool_2d:
      step.stride = numbers(object, "stride", step.place);
      step.size = numbers(object, "size", step.place);
      step.same = here.at("same").flag();
      break;
    case concatenation:
      step.axes = {here.at("axis").whole()};
      break;
    case mean:
    case sum:
      step.axes = numbers(object, "axes", step.place);
      break;
    case transpose:
      step.order = numbers(object, "order", step.place);
      break;
    case strided_slice:
      step.begin = numbers(object, "begin", step.place);
      step.end = numbers(object, "end", step.place);
      break;
    case pad: {
      const auto padding = here.at("padding");
      const auto& list = object.at("padding");
      if (!list.is_array()) padding.expected("a list of pairs");
      for (const auto& pair : list) {
        if (!pair.is_array() || pair.size() != 2) padding.expected("a list of pairs");
        step.before.push_back(JsonPlace(pair[0], step.place + ": padding").whole());
        step.after.push_back(JsonPlace(pair[1], step.place + ": padding").whole());
      }
      break;
    }
    default:
      break;
  }
}

std::map<std::int64_t, at::Tensor> read_constants(const fs::path& path) {
  std::map<std::int64_t, at::Tensor> constants;
  for (const auto& [name, array] : io::read_safetensors(path).arrays) {
    const bool is_number =
        !name.empty() && name.size() < 10 && std::ranges::all_of(name, [](char c) { return c >= '0' && c <= '9'; });
    if (!is_number)
      throw CheckpointError(fmt::format("{}: {}: expected numbers as names", path.string(), name), kMakeFaceWeights);
    if (array.dtype != io::DType::f16 && array.dtype != io::DType::f32)
      throw CheckpointError(fmt::format("{}: {}: expected float16 or float32, found {}", path.string(), name,
                                        io::dtype_name(array.dtype)));
    auto values = io::to_tensor(array).to(at::kFloat).contiguous();
    if (!at::isfinite(values).all().item<bool>())
      throw CheckpointError(fmt::format("{}: {}: expected finite numbers", path.string(), name), kMakeFaceWeights);
    constants.emplace(std::stoll(name), std::move(values));
  }
  return constants;
}

/// That it is there before this operator.
const Shape& shape_of(const NetworkGraph& graph, std::int64_t tensor, const std::string& place) {
  const auto found = graph.shapes.find(tensor);
  if (found == graph.shapes.end())
    throw CheckpointError(
        fmt::format("{}: tensor {} is neither in the weights, nor the input, nor made before", place, tensor));
  return found->second;
}

NetworkStep read_step(const JsonPlace::json& object, const std::string& place, NetworkGraph& graph) {
  NetworkStep step;
  const auto name = JsonPlace(object, place).at("op").text();
  step.op = op_of(name, place);
  step.place = fmt::format("{} ({})", place, name);
  step.inputs = numbers(object, "inputs", step.place);
  step.output = JsonPlace(object, step.place).at("output").whole();
  step.shape = shape_at(object, step.place);
  read_options(object, step);
  for (const auto input : step.inputs) shape_of(graph, input, step.place + ": inputs");
  if (const auto expected = result_shape(step, graph); expected != step.shape)
    throw CheckpointError(fmt::format("{}: shape: expected [{}] from its inputs, found [{}]", step.place,
                                      fmt::join(expected, ", "), fmt::join(step.shape, ", ")));
  if (!graph.shapes.emplace(step.output, step.shape).second)
    throw CheckpointError(fmt::format("{}: output: tensor {} is there already", step.place, step.output));
  return step;
}

}  // namespace

NetworkGraph read_network_graph(const fs::path& stem) {
  const fs::path list = stem.string() + ".json", weights = stem.string() + ".safetensors";
  for (const auto& path : {list, weights})
    if (!fs::is_regular_file(path))
      throw CheckpointError(path.string() + ": no such file, though the networks of the face need it",
                            kMakeFaceWeights);
  return parse_network_graph(read_file(list), read_constants(weights), list);
}

NetworkGraph parse_network_graph(std::string_view list_text, std::map<std::int64_t, at::Tensor> constants,
                                 const fs::path& path) {
  NetworkGraph graph;
  graph.path = path;
  const auto file = graph.path.string();
  const auto json = JsonPlace::json::parse(list_text, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) throw FormatError(file + ": expected JSON", kMakeFaceWeights);

  graph.constants = std::move(constants);
  for (const auto& [tensor, values] : graph.constants) graph.shapes.emplace(tensor, values.sizes().vec());
  const JsonPlace root(json, file);
  graph.input = root.at("input").at("tensor").whole();
  if (!graph.shapes.emplace(graph.input, shape_at(json.at("input"), file + ": input")).second)
    throw CheckpointError(fmt::format("{}: input: tensor {} is among the weights", file, graph.input));
  const auto list = root.at("operators");
  if (!json.at("operators").is_array()) list.expected("a list of operators");
  for (const auto& object : json.at("operators"))
    graph.steps.push_back(read_step(object, fmt::format("{}: operators.{}", file, graph.steps.size()), graph));
  graph.outputs = numbers(json, "outputs", file);
  for (const auto output : graph.outputs) {
    shape_of(graph, output, file + ": outputs");
    if (graph.constants.contains(output) || output == graph.input)
      throw CheckpointError(fmt::format("{}: outputs: no operator makes tensor {}", file, output));
  }
  return graph;
}

}  // namespace kuda
