#include "kuda/evaluation/selfcheck.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "kuda/base/file.h"
#include "kuda/base/log.h"
#include "kuda/training/test_toy_model.h"

namespace kuda {
namespace {

TEST(SelfCheck, EveryCheckHoldsHere) {
  torch::set_num_threads(1);
  set_log_sink([](LogLevel, const std::string&) {});
  std::size_t told = 0;
  SelfCheckOptions options;
  options.on_check = [&](const SelfCheck&) { ++told; };
  const auto checks = self_check(options);
  EXPECT_EQ(told, checks.size());
  EXPECT_GE(checks.size(), 7U);
  for (const auto& check : checks) EXPECT_TRUE(check.is_good) << check.name << ": " << check.found;
}

TEST(SelfCheck, AFailureIsInTheListAndNotThrown) {
  SelfCheckOptions options;
  options.models = {"kuda"};
  options.encoder = test::scratch_folder("empty");  // no encoder there
  options.folder = test::scratch_folder("work");
  std::size_t failed = 0;
  for (const auto& check : self_check(options)) {
    failed += check.is_good ? 0 : 1;
    EXPECT_FALSE(check.found.empty()) << check.name << ": a failure says what was found";
  }
  EXPECT_GE(failed, 1U);
}

}  // namespace
}  // namespace kuda
