#include "kuda/tensor/state_dict.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kuda/base/test_support.h"
#include "kuda/io/weights_file.h"

namespace kuda {
namespace {

using testing::HasSubstr;

/// A module of one parameter beside those of the file.
std::string error_without(const char* name) {
  torch::nn::Module module;
  module.register_parameter("weight", torch::zeros({2, 3}));
  module.register_parameter("bias", torch::zeros({2}));
  module.register_parameter(name, torch::zeros({2}));
  const test::CaughtLog quiet;
  const auto file = io::read_weights(test::data_file("torch/unread.pth"));
  return test::error_of<CheckpointError>([&] { load_state(module, file); });
}

TEST(StateDict, ATensorThatCannotBeReadIsThereAndSaysWhy) {
  EXPECT_THAT(error_without("sparse"), HasSubstr("sparse [2]: in the file, but as a sparse tensor"));
  EXPECT_THAT(error_without("sparse"), HasSubstr("torch.save({k: x.to_dense() for k, x in state.items()}"));
  EXPECT_THAT(error_without("quantised"), HasSubstr(".dequantize()"));
  EXPECT_THAT(error_without("float8"), HasSubstr("in the file, but as a tensor of torch.float8_e4m3fn"));
  EXPECT_THAT(error_without("float8"), HasSubstr(".float()"));
  EXPECT_THAT(error_without("negated"), HasSubstr(".resolve_neg()"));
  EXPECT_THAT(error_without("complex"), HasSubstr("complex numbers are no weights"));
  EXPECT_THAT(error_without("meta"), HasSubstr("saved before its numbers were loaded"));
  EXPECT_THAT(error_without("absent"), HasSubstr("absent [2]: missing from the file\n  hint: likely cause"));
}

TEST(StateDict, TheNameOfWhatCannotBeReadIsRenamedToo) {
  torch::nn::Module module;
  module.register_parameter("its_sparse", torch::zeros({2}));
  LoadOptions options;
  options.rename = [](std::string_view name) { return "its_" + std::string(name); };
  options.may_ignore = [](std::string_view) { return true; };
  const test::CaughtLog quiet;
  const auto file = io::read_weights(test::data_file("torch/unread.pth"));
  EXPECT_THAT(test::error_of<CheckpointError>([&] { load_state(module, file, options); }),
              HasSubstr("in the file, but as a sparse tensor"));
}

}  // namespace
}  // namespace kuda
