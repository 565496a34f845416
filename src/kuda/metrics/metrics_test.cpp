#include "kuda/metrics/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "kuda/base/error.h"
#include "kuda/metrics/baselines.h"
#include "kuda/metrics/classes.h"
#include "kuda/metrics/classification.h"
#include "kuda/metrics/table.h"

namespace kuda {
namespace {

using testing::HasSubstr;
using testing::Not;

// The worked example of docs/metrics.md.
const std::vector<float> kPredictions{1.4F, -0.4F, 0.6F, 2.5F, -2.0F}, kLabels{2.0F, -0.8F, 0.0F, 3.0F, 0.4F};

TEST(Metrics, WorkedExampleOfTheMosiFamily) {
  const auto metrics = evaluate_metrics(MetricFamily::mosi, kPredictions, kLabels);
  EXPECT_EQ(metrics.n, 5U);
  EXPECT_NEAR(metrics.value("MAE"), (0.6 + 0.4 + 0.6 + 0.5 + 2.4) / 5, 1e-7);  // inputs are float32
  EXPECT_NEAR(metrics.value("Corr"), 0.740856, 1e-6);
  EXPECT_DOUBLE_EQ(metrics.value("Mult_acc_7"), 0.0);      // 1,0,1,2,-2 against 2,-1,0,3,0
  EXPECT_DOUBLE_EQ(metrics.value("Mult_acc_5"), 1.0 / 5);  // 2.5 and 3 are both 2
  EXPECT_DOUBLE_EQ(metrics.value("Has0_acc_2"), 4.0 / 5);
  EXPECT_DOUBLE_EQ(metrics.value("Non0_acc_2"), 3.0 / 4);
  // Non-0: truth 1,0,1,1; predicted 1,0,1,0. F1 of class 1: 4/5, of class 0: 2/3.
  EXPECT_DOUBLE_EQ(metrics.value("Non0_F1_score"), (3 * 4.0 / 5 + 1 * 2.0 / 3) / 4);
  EXPECT_DOUBLE_EQ(metrics.value("legacy_Non0_F1_score"), (2 * 4.0 / 5 + 2 * 2.0 / 3) / 4);
  EXPECT_EQ(metrics.degenerate, "");
}

TEST(Metrics, WorkedExampleOfTheSimsFamily) {
  const auto metrics = evaluate_metrics(MetricFamily::sims, kPredictions, kLabels);
  EXPECT_NEAR(metrics.value("MAE"), (0 + 0.4 + 0.6 + 0 + 1.4) / 5, 1e-7);  // both sides clipped to [-1, 1]
  EXPECT_DOUBLE_EQ(metrics.value("Mult_acc_5"), 2.0 / 5);                  // 4,1,3,4,0 against 4,0,2,4,3
  EXPECT_DOUBLE_EQ(metrics.value("Mult_acc_3"), 3.0 / 5);
  EXPECT_DOUBLE_EQ(metrics.value("Mult_acc_2"), 3.0 / 5);
  EXPECT_FALSE(metrics.has("Has0_acc_2"));
}

TEST(Metrics, UnknownNamesListTheKnown) {
  const auto metrics = evaluate_metrics(MetricFamily::sims, kPredictions, kLabels);
  try {
    (void)metrics.value("Mult_acc_7");
    FAIL();
  } catch (const ConfigError& error) {
    EXPECT_THAT(error.what(), HasSubstr("did you mean 'Mult_acc_5'?"));
  }
  EXPECT_THROW((void)metric_family("mosei"), ConfigError);
  EXPECT_THROW((void)score_class(MetricFamily::sims, 7, 0), ConfigError);
}

TEST(Metrics, SizesMustAgreeAndThereMustBeClips) {
  EXPECT_THROW((void)evaluate_metrics(MetricFamily::sims, kPredictions, std::vector<float>{1}), DataError);
  EXPECT_THROW((void)evaluate_metrics(MetricFamily::sims, {}, {}), DataError);
}

TEST(Metrics, DegeneratePredictorsAreNamed) {
  const auto reason = [](const std::vector<float>& predictions, const std::vector<float>& labels,
                         MetricFamily family = MetricFamily::sims) {
    return evaluate_metrics(family, predictions, labels).degenerate;
  };
  EXPECT_EQ(reason({0.12F, 0.12F}, {1, -1}), "constant prediction 0.12");
  EXPECT_EQ(reason({2, 3}, {1, -1}), "constant prediction 1 after clipping");
  EXPECT_EQ(reason({2, 3}, {1, -1}, MetricFamily::mosi), "every prediction is positive");
  EXPECT_EQ(reason({-0.2F, -0.3F}, {1, -1}), "every prediction is negative");
  EXPECT_EQ(reason({0.2F, 0.3F}, {1, 0.5F}), "") << "the labels are all positive too";
  EXPECT_EQ(reason({0.2F}, {1}), "");
}

TEST(Metrics, CorrelationOfAConstantIsUndefinedWhateverItsValue) {
  for (const float constant : {0.1F, -0.7F, 1e-20F, 3e7F}) {
    const std::vector<float> predictions(4403, constant);
    std::vector<float> labels(4403, 0.5F);
    labels[7] = -0.5F;
    EXPECT_TRUE(std::isnan(evaluate_metrics(MetricFamily::mosi, predictions, labels).value("Corr")));
    EXPECT_TRUE(std::isnan(evaluate_metrics(MetricFamily::mosi, labels, predictions).value("Corr")));
  }
}

TEST(Classes, F1FollowsItsDefinition) {
  const std::vector<int> truth{0, 0, 0, 1}, predicted{0, 0, 1, 1};
  EXPECT_DOUBLE_EQ(accuracy(truth, predicted), 0.75);
  EXPECT_DOUBLE_EQ(weighted_f1(truth, predicted), (3 * 0.8 + 1 * 2.0 / 3) / 4);
  EXPECT_DOUBLE_EQ(weighted_f1(predicted, truth), (2 * 0.8 + 2 * 2.0 / 3) / 4);
  EXPECT_DOUBLE_EQ(macro_f1(truth, predicted), (0.8 + 2.0 / 3) / 2);
  EXPECT_TRUE(std::isnan(accuracy({}, {})));
  EXPECT_THROW((void)accuracy(truth, std::vector<int>{1}), DataError);
}

TEST(Classes, NotANumberEqualsNothing) {
  const std::vector<int> nothing{kNoClass, 1};
  EXPECT_DOUBLE_EQ(accuracy(nothing, nothing), 0.5);
}

TEST(Baselines, MajorityIsTakenPerMetricFromTheTrainingLabels) {
  const std::vector<float> train{0.4F, 0.4F, 0.4F, -1, -2, -2, -3, std::nanf("")}, labels{1.2F, -1, 0, -2};
  const auto majority = majority_baseline(MetricFamily::mosi, train, labels);
  EXPECT_DOUBLE_EQ(majority.value("Has0_acc_2"), 2.0 / 4) << "negative is the majority of training";
  EXPECT_DOUBLE_EQ(majority.value("Non0_acc_2"), 2.0 / 3);
  EXPECT_DOUBLE_EQ(majority.value("Mult_acc_7"), 1.0 / 4) << "class 0 is, of seven";
  EXPECT_DOUBLE_EQ(majority.value("Mult_acc_5"), 1.0 / 4) << "of five 0 and -2 tie: the lower";
  EXPECT_NEAR(majority.value("MAE"), (2.2 + 0 + 1 + 1) / 4, 1e-7) << "median -1";
  EXPECT_TRUE(std::isnan(majority.value("Corr")));
  EXPECT_EQ(majority.degenerate, "majority class of each metric");
}

TEST(Baselines, MeanLeavesUnknownLabelsOut) {
  const std::vector<float> train{1, std::nanf(""), 0}, labels{0, 1};
  const auto mean = mean_baseline(MetricFamily::sims, train, labels);
  EXPECT_DOUBLE_EQ(mean.value("MAE"), 0.5);
  EXPECT_EQ(mean.degenerate, "constant prediction 0.5");
  EXPECT_THROW((void)mean_baseline(MetricFamily::sims, {}, labels), DataError);
}

TEST(Classification, BadInputIsRefused) {
  const std::vector<float> logits{0, 1, 2};
  EXPECT_DOUBLE_EQ(evaluate_classification(logits, std::vector<int>{2}).value("Acc_3"), 1.0);
  EXPECT_THROW((void)evaluate_classification(logits, std::vector<int>{3}), DataError);
  EXPECT_THROW((void)evaluate_classification(logits, std::vector<int>{1, 1}), DataError);
  EXPECT_THROW((void)evaluate_classification({}, {}), DataError);
}

TEST(MetricTable, ShowsBothConventionsAndNamesDegenerateRows) {
  const std::vector<float> constant(5, 0.5F);
  const auto table = format_metric_table({{"kuda", evaluate_metrics(MetricFamily::mosi, kPredictions, kLabels)},
                                          {"mean", evaluate_metrics(MetricFamily::mosi, constant, kLabels)}});
  EXPECT_EQ(table,
            "      n     MAE    Corr  Acc-7  Acc-5  Acc-2 has-0  F1 has-0  Acc-2 non-0  F1 non-0\n"
            "kuda  5  0.9000  0.7409   0.00  20.00        80.00     81.90        75.00     76.67\n"
            "mean  5  1.1800       -  40.00  40.00        80.00     71.11        75.00     64.29\n"
            "n = 5 clips. has-0: negative against non-negative (>= 0), all clips; non-0: negative against positive, "
            "the 4 clips whose label is not 0.\n"
            "F1 is weighted by label counts.\n"
            "mean: degenerate predictor: constant prediction 0.5\n");
}

TEST(MetricTable, FamiliesDoNotMix) {
  EXPECT_EQ(format_metric_table({}), "");
  const MetricRow sims{"a", evaluate_metrics(MetricFamily::sims, kPredictions, kLabels)};
  const MetricRow mosi{"b", evaluate_metrics(MetricFamily::mosi, kPredictions, kLabels)};
  EXPECT_THAT(format_metric_table({sims}), HasSubstr("Acc-5  Acc-3  Acc-2     F1"));
  EXPECT_THAT(format_metric_table({sims}), Not(HasSubstr("degenerate")));
  EXPECT_THROW((void)format_metric_table({sims, mosi}), DataError);
}

}  // namespace
}  // namespace kuda
