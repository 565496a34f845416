#include "kuda/nn/activation.h"

#include <gtest/gtest.h>

#include <map>

namespace kuda {
namespace {

TEST(Activation, HasTheValuesOfItsFormula) {
  // At -2, -0.3 and 0.7, from the definitions: exp(-2) - 1, x Phi(x), 0 within 0.5, cut to 1, 0.01 x, max, tanh.
  const std::map<std::string, std::vector<float>> expected{{"elu", {-0.8646647F, -0.2591818F, 0.7F}},
                                                           {"gelu", {-0.0455003F, -0.1146266F, 0.5306254F}},
                                                           {"hardshrink", {-2, 0, 0.7F}},
                                                           {"hardtanh", {-1, -0.3F, 0.7F}},
                                                           {"leakyrelu", {-0.02F, -0.003F, 0.7F}},
                                                           {"relu", {0, 0, 0.7F}},
                                                           {"tanh", {-0.9640276F, -0.2913126F, 0.6043678F}}};
  const auto names = activation_names();
  ASSERT_EQ(names.size(), expected.size());
  for (const auto& name : names)  // float32 of values of order one
    EXPECT_TRUE(
        torch::allclose(activate(name, torch::tensor({-2.0F, -0.3F, 0.7F})), torch::tensor(expected.at(name)), 0, 1e-6))
        << name;
}

}  // namespace
}  // namespace kuda
