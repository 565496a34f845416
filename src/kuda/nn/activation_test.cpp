#include "kuda/nn/activation.h"

#include <gtest/gtest.h>

#include <map>

#include "kuda/base/named_values.h"

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
  ASSERT_EQ(kNamesOf<Activation>.size(), expected.size());
  for (const std::string name : kNamesOf<Activation>) {
    const auto found = activate(value_of<Activation>(name), torch::tensor({-2.0F, -0.3F, 0.7F}));
    EXPECT_TRUE(torch::allclose(found, torch::tensor(expected.at(name)), 0, 1e-6)) << name;  // float32 of order one
  }
}

}  // namespace
}  // namespace kuda
