#pragma once
// Networks of tests: made of a few operators, written as the two files of a real one.

#include <ATen/ATen.h>

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "kuda/base/file.h"
#include "kuda/base/test_support.h"
#include "kuda/extract/face/network.h"
#include "kuda/io/safetensors.h"
#include "kuda/tensor/tensor.h"

namespace kuda::test {

struct SmallNetwork {
  Shape input;
  std::vector<nlohmann::ordered_json> operators;  ///< tensor 0 is the input
  std::vector<std::int64_t> outputs;
  std::map<std::int64_t, at::Tensor> constants;

  [[nodiscard]] nlohmann::ordered_json json() const {
    return {{"network", "small"},
            {"input", {{"tensor", 0}, {"shape", input}}},
            {"outputs", outputs},
            {"operators", operators}};
  }
  /// The stem of both files.
  [[nodiscard]] std::filesystem::path write() const { return write(json()); }
  [[nodiscard]] std::filesystem::path write(const nlohmann::ordered_json& list) const {
    const auto stem = scratch("small");
    std::map<std::string, io::Array> arrays;
    for (const auto& [number, values] : constants) arrays.emplace(std::to_string(number), io::to_array(values));
    io::write_safetensors(stem.string() + ".safetensors", arrays);
    write_file(stem.string() + ".json", list.dump());
    return stem;
  }
};

/// The folder of the real networks; it may be absent (scripts/setup.sh --extractor makes it).
inline std::filesystem::path face_folder() {
  return std::filesystem::path(KUDA_SOURCE_DIR) / "extractors/default/face";
}

}  // namespace kuda::test
