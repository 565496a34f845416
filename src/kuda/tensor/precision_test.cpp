#include "kuda/tensor/precision.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "kuda/base/error.h"
#include "kuda/base/named_values.h"
#include "kuda/base/test_support.h"

namespace kuda {
namespace {

using test::error_of;
using testing::HasSubstr;

const torch::Device kCpu(torch::kCPU), kGpu(torch::kCUDA, 0);

std::string refusal(Precision precision, const torch::Device& device, const PrecisionSupport& support) {
  return error_of<ConfigError>([&] { check_support(precision, device, support); });
}

TEST(Precision, NamesReadBackAndUnknownOnesGetTheNearest) {
  for (const char* name : kNamesOf<Precision>) EXPECT_STREQ(precision_name(precision_from(name)), name);
  EXPECT_THAT(error_of<ConfigError>([] { (void)precision_from("bf61"); }), HasSubstr("did you mean 'bf16'?"));
}

TEST(Precision, WhatADeviceLacksIsRefusedWithWhatToTakeInstead) {
  EXPECT_THAT(refusal(Precision::bf16, kCpu, {.bf16 = false, .int8 = true}), HasSubstr("avx512_bf16"));
  EXPECT_THAT(refusal(Precision::bf16, kCpu, {.bf16 = false, .int8 = true}), HasSubstr("bf16-emulated"));
  EXPECT_THAT(refusal(Precision::bf16, kGpu, {}), HasSubstr("compute capability 8"));
  EXPECT_THAT(refusal(Precision::int8, kCpu, {.bf16 = true, .int8 = false}), HasSubstr("without an engine"));
  EXPECT_THAT(refusal(Precision::int8, kGpu, {.bf16 = true, .int8 = false}), HasSubstr("on the CPU only"));
}

TEST(Precision, WhatADeviceHasIsNotRefused) {
  EXPECT_NO_THROW(check_support(Precision::bf16, kCpu, {.bf16 = true, .int8 = false}));
  EXPECT_NO_THROW(check_support(Precision::int8, kCpu, {.bf16 = false, .int8 = true}));
  for (const auto precision : {Precision::fp32, Precision::bf16_emulated}) {
    EXPECT_NO_THROW(check_support(precision, kCpu, {}));
    EXPECT_NO_THROW(require_support(precision, kCpu)) << "on any machine";
  }
}

TEST(Autocast, LastsAsLongAsItsScope) {
  const auto x = torch::randn({4, 4});
  const auto type = [&] { return x.mm(x).scalar_type(); };
  {
    const Autocast outer(Precision::bf16_emulated, kCpu);
    EXPECT_EQ(type(), torch::kBFloat16);
    {
      const Autocast inner(Precision::bf16, kCpu);
      const InFloat32 exact;
      EXPECT_EQ(type(), torch::kFloat32);
    }
    EXPECT_EQ(type(), torch::kBFloat16);
  }
  EXPECT_EQ(type(), torch::kFloat32);
  try {
    const Autocast autocast(Precision::bf16_emulated, kCpu);
    throw std::runtime_error("out of it");
  } catch (const std::runtime_error&) {
  }
  EXPECT_EQ(type(), torch::kFloat32);
}

TEST(Autocast, LeavesTheOtherPrecisionsAlone) {
  const auto x = torch::randn({4, 4});
  for (const auto precision : {Precision::fp32, Precision::int8}) {
    const Autocast autocast(precision, kCpu);
    EXPECT_EQ(x.mm(x).scalar_type(), torch::kFloat32);
  }
}

TEST(Autocast, SeesAWeightThatChangedBetweenTwoScopes) {
  auto weight = torch::ones({2, 2}).requires_grad_();
  const auto sum = [&] {
    const Autocast autocast(Precision::bf16_emulated, kCpu);
    return torch::ones({2, 2}).mm(weight).sum().item<float>();
  };
  EXPECT_EQ(sum(), 8);
  {
    const torch::NoGradGuard no_grad;
    weight.mul_(2);  // as an optimiser does: in place
  }
  EXPECT_EQ(sum(), 16);
}

TEST(AsFloat32, ChangesShorterTypesOnly) {
  EXPECT_EQ(as_float32(torch::ones({1}, torch::kBFloat16)).scalar_type(), torch::kFloat32);
  const auto x = torch::ones({1});
  EXPECT_TRUE(as_float32(x).is_same(x));
  EXPECT_EQ(as_float32(torch::ones({1}, torch::kFloat64)).scalar_type(), torch::kFloat64);
  EXPECT_FALSE(as_float32(torch::Tensor()).defined());
}

}  // namespace
}  // namespace kuda
