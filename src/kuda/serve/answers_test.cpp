#include "kuda/serve/answers.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace kuda {
namespace {

TEST(Answers, PartsAndCorrectionAddUpToTheScore) {
  ClipScore clip{.id = "a", .score = 0.41F};
  clip.ratio = {0.75F, 0.0F, 0.25F};
  clip.parts = {0.35F, std::nullopt, 0.1F};
  clip.correction = -0.04F;
  const auto answer = nlohmann::json::parse(scores_json({clip}, false, 0));
  double sum = 0;
  for (const auto& part : answer["parts"]) sum += part.is_null() ? 0 : part.get<double>();
  EXPECT_NEAR(sum, answer["score"].get<double>(), 1e-6);
  EXPECT_EQ(answer["ratio"]["vision"], 0.0);
  EXPECT_TRUE(answer["parts"]["vision"].is_null());
  const auto other = nlohmann::json::parse(scores_json({ClipScore{.id = "b"}}, false, 0));
  for (const char* name : {"text", "vision", "audio", "correction"})
    EXPECT_TRUE(other["parts"][name].is_null()) << name;
}

}  // namespace
}  // namespace kuda
