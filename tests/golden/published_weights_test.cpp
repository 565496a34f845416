// Weights of the published code, read as `kuda convert` reads them: the scores, losses and gradients must be those that
// the published implementation had with them. Files by Python's torch.save: tests/data/torch/published/make_files.py.

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "golden_case.h"
#include "kuda/base/test_support.h"
#include "kuda/io/torch_zip.h"
#include "kuda/models/model.h"
#include "kuda/tensor/tensor.h"

namespace kuda::golden {
namespace {

namespace fs = std::filesystem;

fs::path golden_copy(const std::string& name) { return test::data_file("golden/" + name + ".safetensors"); }

/// Every case of a model in this repository that holds weights.
std::vector<fs::path> cases_of(const std::string& model) {
  std::vector<fs::path> cases;
  for (const auto& entry : fs::directory_iterator(test::data_file("golden/" + model)))
    if (!GoldenCase(entry.path()).keys("weight/").empty()) cases.push_back(entry.path());
  std::sort(cases.begin(), cases.end());
  return cases;
}

class PublishedWeights : public testing::TestWithParam<std::string> {};

TEST_P(PublishedWeights, OfTheToolboxGiveTheScoresOfTheReference) {
  torch::set_num_threads(1);
  const auto cases = cases_of(GetParam());
  ASSERT_FALSE(cases.empty());
  for (const auto& path : cases) {
    std::map<std::string, io::Array> state;
    for (const auto& [name, array] : GoldenCase(path).part("weight/").arrays) state["Model." + name] = array;
    const auto weights = test::scratch("weights.pth");
    io::write_torch_zip(weights, state);
    std::string text;
    EXPECT_TRUE(check_file(path, false, text, nullptr, weights)) << text;
  }
}

INSTANTIATE_TEST_SUITE_P(Models, PublishedWeights, testing::ValuesIn([] {
                           std::vector<std::string> names;
                           for (const auto& model : all_models()) names.push_back(model.name);
                           return names;
                         }()),
                         [](const auto& instance) { return instance.param; });

TEST(PublishedFiles, ByPythonGiveTheScoresOfTheReference) {
  torch::set_num_threads(1);
  const std::vector<std::pair<std::string, std::string>> files{{"tfn_mmsa", "tfn/base"},
                                                               {"lmf_wrapped", "lmf/base"},
                                                               {"mmim_authors", "mmim/trajectory"},
                                                               {"kuda_stage1_audio", "kuda/unipretrain_a"}};
  for (const auto& [file, name] : files) {
    std::string text;
    EXPECT_TRUE(
        check_file(golden_copy(name), false, text, nullptr, test::data_file("torch/published/" + file + ".pth")))
        << file << "\n"
        << text;
  }
}

TEST(PublishedFiles, OtherWeightsGiveOtherScores) {
  torch::set_num_threads(1);
  auto state = GoldenCase(golden_copy("lmf/base")).part("weight/").arrays;
  state["fusion_bias"] = io::to_array(io::to_tensor(state.at("fusion_bias")) + 1);
  const auto weights = test::scratch("other.pth");
  io::write_torch_zip(weights, state);
  std::string text;
  EXPECT_FALSE(check_file(golden_copy("lmf/base"), false, text, nullptr, weights)) << "the file was not used";
}

}  // namespace
}  // namespace kuda::golden
