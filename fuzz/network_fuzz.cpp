#include <ATen/ATen.h>

#include <cstdlib>
#include <map>

#include "kuda/extract/face/network_graph.h"
#include "one_input.h"

namespace {

/// Weights that the networks of the corpus use, and some they do not.
std::map<std::int64_t, at::Tensor> constants() {
  return {{1, at::ones({3, 3, 3, 2})}, {2, at::ones({3})}, {3, at::ones({1, 3, 3, 3})},
          {4, at::ones({1, 1, 3})},    {5, at::ones({4})}, {6, at::ones({2, 5})}};
}

}  // namespace

/// A list of operators that is accepted has a shape for every tensor that it names.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return kuda::fuzz::one_input(data, size, [](auto bytes, auto, const auto& name) {
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    const auto graph = [&] {
      try {
        return kuda::parse_network_graph(text, constants(), name);
      } catch (const kuda::CheckpointError& error) {
        throw kuda::DataError(error.message());  // what a damaged list gives
      }
    }();
    for (const auto& step : graph.steps)
      for (const auto input : step.inputs)
        if (!graph.shapes.contains(input) || !graph.shapes.contains(step.output)) std::abort();
    for (const auto output : graph.outputs)
      if (!graph.shapes.contains(output)) std::abort();
  });
}
