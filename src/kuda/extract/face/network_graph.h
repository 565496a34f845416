#pragma once
// A converted TFLite network as its two files hold it (scripts/extractor/face_weights.py), checked in every part: who
// runs it needs to look at nothing again.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace kuda {

using Shape = std::vector<std::int64_t>;

/// Hint of errors about their files.
inline constexpr const char* kMakeFaceWeights = "scripts/setup.sh --extractor makes these files";

/// The operators of TFLite that the face networks use; their names are TFLite's.
enum class NetworkOp {
  add,
  concatenation,
  conv_2d,
  depthwise_conv_2d,
  div,
  logistic,
  max_pool_2d,
  mean,
  mul,
  neg,
  pad,
  prelu,
  relu,
  reshape,
  resize_bilinear,
  rsqrt,
  sqrt,
  squared_difference,
  strided_slice,
  sub,
  sum,
  transpose
};

/// One operator. Tensors are numbers, shapes are for a batch of one; which lists are filled depends on the operator.
struct NetworkStep {
  NetworkOp op = NetworkOp::relu;
  std::string place;  ///< "detector.json: operators.12 (CONV_2D)"
  std::vector<std::int64_t> inputs;
  std::int64_t output = 0;
  Shape shape;                              ///< of the output
  std::vector<std::int64_t> stride;         ///< y, x
  std::vector<std::int64_t> size;           ///< of pooling: y, x
  bool same = false;                        ///< padding of TFLite's kind SAME, else VALID
  bool relu = false;                        ///< its own activation
  std::vector<std::int64_t> axes;           ///< of mean and sum; one of concatenation
  std::vector<std::int64_t> order;          ///< of transpose
  std::vector<std::int64_t> begin, end;     ///< of strided_slice, whose steps are one
  std::vector<std::int64_t> before, after;  ///< of pad: zeros
};

struct NetworkGraph {
  std::filesystem::path path;  ///< of the list
  std::int64_t input = 0;
  std::vector<std::int64_t> outputs;
  std::map<std::int64_t, at::Tensor> constants;  ///< float32, finite
  std::map<std::int64_t, Shape> shapes;          ///< of all tensors, constants too
  std::vector<NetworkStep> steps;                ///< each uses only what was there before it
};

/// `stem` is the path of both files without .json and .safetensors. Throws CheckpointError for a file that is missing
/// and for what no network of this kind holds (operator, shape, tensor), FormatError or DataError for damaged bytes.
[[nodiscard]] NetworkGraph read_network_graph(const std::filesystem::path& stem);
/// The same from memory: the list, and the constants (float32, finite); `path` stands for it in messages.
[[nodiscard]] NetworkGraph parse_network_graph(std::string_view list, std::map<std::int64_t, at::Tensor> constants,
                                               const std::filesystem::path& path);

}  // namespace kuda
