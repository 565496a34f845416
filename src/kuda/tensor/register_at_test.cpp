#include "kuda/tensor/register_at.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kuda/base/error.h"
#include "kuda/tensor/linear.h"

namespace kuda {
namespace {

using testing::ElementsAre;

TEST(RegisterAt, ListsTensorsUnderTheirPathsInTheOrderOfFirstMention) {
  torch::nn::Module owner;
  register_at(owner, "mhatt1.f_t.cross_attn", Linear(2, 2));
  register_at(owner, "output", Linear(2, 1));
  module_at(owner, "norms").register_buffer("count", torch::zeros({1}));
  const auto last = register_at(owner, "mhatt1.f_t.norm", Linear(2, 3));  // joins what is there
  EXPECT_THAT(owner.named_parameters().keys(),
              ElementsAre("mhatt1.f_t.cross_attn.weight", "mhatt1.f_t.cross_attn.bias", "mhatt1.f_t.norm.weight",
                          "mhatt1.f_t.norm.bias", "output.weight", "output.bias"));
  EXPECT_THAT(owner.named_buffers().keys(), ElementsAre("norms.count"));
  EXPECT_EQ(&module_at(owner, "mhatt1.f_t.norm"), last.get()) << "the module itself, not an empty one in its place";
}

TEST(RegisterAt, RefusesAnEmptyNameAndOneThatIsTaken) {
  torch::nn::Module owner;
  register_at(owner, "a.b", Linear(1, 1));
  EXPECT_THROW(register_at(owner, "a..b", Linear(1, 1)), Error);
  EXPECT_THROW(register_at(owner, ".b", Linear(1, 1)), Error);
  EXPECT_THROW(register_at(owner, "a.b", Linear(1, 1)), c10::Error);
}

}  // namespace
}  // namespace kuda
