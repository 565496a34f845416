#pragma once
// Runs a converted TFLite network (scripts/extractor/face_weights.py).
//
//   const Network mesh("extractors/default/face/mesh");       // mesh.json, mesh.safetensors
//   const auto out = mesh.run(pictures);                      // [N, 256, 256, 3] -> its outputs, each [N, ...]
//
// Operators are a fixed list, checked with all shapes when the files are read. Tensors keep TFLite's shapes (channels
// last). Convolutions take what follows them (a sum, PReLU or ReLU) into their own pass; what is no convolution is
// LibTorch's.

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <map>
#include <optional>
#include <vector>

#include "kuda/extract/face/convolution.h"
#include "kuda/extract/face/network_graph.h"

namespace kuda {

class Network {
 public:
  /// Throws what read_network_graph throws.
  explicit Network(const std::filesystem::path& stem);

  [[nodiscard]] const Shape& input_shape() const noexcept { return input_shape_; }  ///< for a batch of one
  [[nodiscard]] const std::vector<Shape>& output_shapes() const noexcept { return output_shapes_; }
  /// float32 [N, as the input shape goes on], N of 1 or more -> the outputs in their order. Keeps no state: several
  /// threads may run it at a time. Throws ShapeError.
  [[nodiscard]] std::vector<at::Tensor> run(const at::Tensor& x) const;

 private:
  /// One operator, or a convolution with what it took in.
  struct Step {
    NetworkStep what;
    std::optional<Convolution> convolution;
    std::int64_t residual = -1;             ///< tensor that a convolution adds; -1: none
    std::vector<std::int64_t> last_use_of;  ///< tensors that nobody needs afterwards
  };
  using Values = std::map<std::int64_t, at::Tensor>;
  using Waiting = std::map<std::int64_t, Step>;
  static bool may_follow(const Step& step, const NetworkStep* next, const NetworkGraph& graph, const Waiting& waiting);
  static at::Tensor run_step(const Step& step, const Values& values);
  void take_steps(const NetworkGraph& graph);
  void find_last_uses();

  std::filesystem::path path_;
  Shape input_shape_;
  std::vector<Shape> output_shapes_;
  std::int64_t input_ = 0;
  std::vector<std::int64_t> outputs_;
  Values constants_;  ///< of operators that are no convolution
  std::vector<Step> steps_;
};

}  // namespace kuda
