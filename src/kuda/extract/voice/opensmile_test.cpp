// openSMILE from a library of the user; where KUDA_OPENSMILE names the folder `opensmile/core` of its Python package.

#include "kuda/extract/voice/opensmile.h"

#include <gmock/gmock.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "kuda/base/file.h"
#include "kuda/base/test_support.h"
#include "kuda/extract/voice/test_sounds.h"

namespace kuda {
namespace {

using test::error_of;
using testing::HasSubstr;
using testing::StartsWith;

TEST(OpenSmile, WhatIsMissingIsNamed) {
  const auto message = [](const char* library) {
    return error_of<ConfigError>([&] { const OpenSmile smile(library, test::scratch_folder("config")); });
  };
  EXPECT_THAT(message("/nowhere/libSMILEapi.so"), HasSubstr("openSMILE: /nowhere/libSMILEapi.so: cannot open"));
  EXPECT_THAT(message("libm.so.6"), HasSubstr("libm.so.6: has no function smile_new"));
}

TEST(OpenSmile, GivesTheTwentyFiveColumnsWithTheirTimes) {
  const char* folder = std::getenv("KUDA_OPENSMILE");
  if (folder == nullptr) GTEST_SKIP() << "KUDA_OPENSMILE names no openSMILE (research licence)";
  const std::filesystem::path core(folder);
  const auto library = core / "bin/manylinux_2_17_x86_64/libSMILEapi.so";
  EXPECT_THAT(error_of<ConfigError>([&] { const OpenSmile smile(library, test::scratch_folder("config")); }),
              HasSubstr("has no egemaps/v02/eGeMAPSv02.conf"));
  const test::CaughtLog log;
  const OpenSmile smile(library, core / "config");
  EXPECT_THAT(log.text(), HasSubstr("research licence, no commercial use"));
  EXPECT_THAT(smile.identity(), HasSubstr("SHA-256 " + sha256_of_file(library)));
  EXPECT_THAT(smile.identity(), StartsWith("openSMILE of the Python package 2.6.0, ")) << "tried with another package";
  ASSERT_EQ(smile.columns().size(), 25U);
  EXPECT_EQ(smile.columns().front(), "Loudness_sma3");
  EXPECT_EQ(smile.descriptors(torch::zeros({100}), 16000).times.size(), 0U);

  const auto [values, times] = smile.descriptors(test::harmonics(150, 1, 1, 10), 16000);
  EXPECT_EQ(values.sizes(), (std::vector<std::int64_t>{std::int64_t(times.size()), 25}));
  EXPECT_GT(times.size(), 90U);
  EXPECT_NEAR(times[1] - times[0], 0.01, 1e-9);
  const auto& names = smile.columns();
  const auto f0 = std::find(names.begin(), names.end(), "F0semitoneFrom27.5Hz_sma3nz") - names.begin();
  ASSERT_LT(f0, 25);
  EXPECT_NEAR(values[50][f0].item<double>(), 12 * std::log2(150 / 27.5), 0.1);
}

}  // namespace
}  // namespace kuda
