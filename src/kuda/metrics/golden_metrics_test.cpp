// Every stored fact about metrics: 40 prediction sets in both families and both weightings of F1, the class of each
// clip, and 5 sets of classifier logits.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "kuda/metrics/classification.h"
#include "kuda/metrics/metrics.h"

namespace kuda {
namespace {

using nlohmann::json;

const json& stored_facts() {
  static const json facts = [] {
    std::ifstream file(KUDA_SOURCE_DIR "/tests/data/golden/common/metrics.json");
    return json::parse(file);
  }();
  return facts;
}

std::vector<float> scores(const json& list) {
  std::vector<float> values;
  for (const auto& item : list)
    values.push_back(item.is_number() ? item.get<float>() : std::numeric_limits<float>::quiet_NaN());
  return values;
}

/// Absolute 1e-6, the precision of the stored float32 means; relative for means of large values.
void expect_fact(double value, const json& stored, const std::string& where) {
  if (!stored.is_number()) {
    EXPECT_TRUE(std::isnan(value)) << where << ": " << value;
    return;
  }
  const double expected = stored.get<double>();
  EXPECT_NEAR(value, expected, 1e-6 * std::max(1.0, std::abs(expected))) << where;
}

TEST(GoldenMetrics, EveryStoredValueHolds) {
  std::size_t cases = 0, values = 0;
  for (const auto& fact : stored_facts().at("cases")) {
    ++cases;
    for (const auto& [family, implementations] : fact.at("families").items()) {
      const auto metrics = evaluate_metrics(metric_family(family), scores(fact.at("pred")), scores(fact.at("label")));
      for (const std::string implementation : {"mmsa", "kuda"})
        for (const auto& [name, stored] : implementations.at(implementation).at("unrounded").items()) {
          if (name == "raises") continue;
          const bool is_swapped = implementation == "kuda" && name.find("F1") != std::string::npos;
          expect_fact(metrics.value(is_swapped ? "legacy_" + name : name), stored,
                      fact.at("name").get<std::string>() + " " + family + " " + implementation + " " + name);
          ++values;
        }
    }
  }
  EXPECT_EQ(cases, 40U);
  EXPECT_GT(values, 1000U);
}

TEST(GoldenMetrics, EveryClipHasTheStoredClass) {
  std::size_t clips = 0;
  for (const auto& fact : stored_facts().at("cases")) {
    if (!fact.contains("facts")) continue;
    for (const std::string family : {"sims", "mosi"}) {
      if (!fact["facts"].contains(family + "_classes")) continue;
      for (const auto& [classes, sides] : fact["facts"][family + "_classes"].items())
        for (const auto& [side, stored] : sides.items()) {
          const auto values = scores(fact.at(side));
          for (std::size_t i = 0; i < values.size(); ++i, ++clips)
            ASSERT_EQ(score_class(metric_family(family), std::stoi(classes), values[i]), stored[i].get<int>())
                << fact.at("name") << " " << family << " " << classes << " " << side << " " << i << ": " << values[i];
        }
    }
  }
  EXPECT_GT(clips, 10000U);
}

TEST(GoldenMetrics, WhereTheReferenceStopsTheValueIsUndefined) {
  const std::vector<float> zeros{0, 0}, predictions{0.5F, -0.5F}, broken{std::nanf(""), 0.5F}, labels{0.5F, -0.5F};
  const auto no_sign = evaluate_metrics(MetricFamily::mosi, predictions, zeros);
  EXPECT_TRUE(std::isnan(no_sign.value("Non0_acc_2")));
  EXPECT_TRUE(std::isnan(no_sign.value("Non0_F1_score")));
  EXPECT_DOUBLE_EQ(no_sign.value("MAE"), 0.5);
  for (const auto& metric : no_sign.values) {
    EXPECT_EQ(metric.n, metric.name.find("Non0") != std::string::npos ? 0U : 2U) << metric.name;
  }
  const auto sims = evaluate_metrics(MetricFamily::sims, broken, labels);
  for (const auto& metric : sims.values) EXPECT_TRUE(std::isnan(metric.value)) << metric.name;
  EXPECT_EQ(sims.degenerate, "1 of 2 predictions are not finite");
}

TEST(GoldenMetrics, ClassificationSetsHold) {
  std::size_t sets = 0;
  for (const auto& fact : stored_facts().at("classification_cases")) {
    ++sets;
    std::vector<float> logits;
    for (const auto& row : fact.at("logits"))
      for (const float value : row.get<std::vector<float>>()) logits.push_back(value);
    const auto metrics = evaluate_classification(logits, fact.at("label").get<std::vector<int>>());
    for (const auto& [name, stored] : fact.at("mmsa").at("unrounded").items()) {
      const auto where = fact.at("name").get<std::string>() + " " + name;
      if (name == "raises") {
        EXPECT_TRUE(std::isnan(metrics.value("Non0_acc_2"))) << where;
      } else {
        expect_fact(metrics.value(name.starts_with("Non0") ? "legacy_" + name : name), stored, where);
      }
    }
  }
  EXPECT_EQ(sets, 5U);
}

}  // namespace
}  // namespace kuda
