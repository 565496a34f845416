#include "kuda/metrics/baselines.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>

#include "kuda/base/error.h"

namespace kuda {
namespace {

using Scores = std::vector<float>;

Scores known(std::span<const float> labels) {
  Scores scores;
  std::copy_if(labels.begin(), labels.end(), std::back_inserter(scores),
               [](float label) { return !std::isnan(label); });
  if (scores.empty()) throw DataError("metrics: no known training labels for the baselines");
  return scores;
}

Metrics constant_metrics(MetricFamily family, float score, std::span<const float> labels) {
  return evaluate_metrics(family, Scores(labels.size(), score), labels);
}

/// A training label of the most frequent class.
float majority_label(const Scores& train, const std::function<int(float)>& class_of) {
  std::map<int, std::size_t> count;
  for (const float label : train) ++count[class_of(label)];
  const auto most =
      std::max_element(count.begin(), count.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  return *std::find_if(train.begin(), train.end(), [&](float label) { return class_of(label) == most->first; });
}

float median(Scores scores) {
  std::sort(scores.begin(), scores.end());
  const auto middle = scores.size() / 2;
  return scores.size() % 2 == 1 ? scores[middle] : (scores[middle - 1] + scores[middle]) / 2;
}

/// A constant score in the majority class of the metric `name`.
float majority_score(MetricFamily family, const std::string& name, const Scores& train) {
  if (name.starts_with("Mult_acc_")) {
    const int classes = name.back() - '0';
    return majority_label(train, [=](float label) { return score_class(family, classes, label); });
  }
  if (name.find("Non0") != std::string::npos) {
    Scores nonzero;
    std::copy_if(train.begin(), train.end(), std::back_inserter(nonzero), [](float label) { return label != 0; });
    return nonzero.empty() ? 0.0F : majority_label(nonzero, [](float label) { return label > 0 ? 1 : 0; });
  }
  if (name.find("F1") != std::string::npos || name.find("acc") != std::string::npos)
    return majority_label(train, [=](float label) { return score_class(family, 2, label); });
  return median(train);
}

}  // namespace

Metrics mean_baseline(MetricFamily family, std::span<const float> train_labels, std::span<const float> labels) {
  double sum = 0;
  const auto train = known(train_labels);
  for (const float label : train) sum += double(label);
  return constant_metrics(family, static_cast<float>(sum / double(train.size())), labels);
}

Metrics majority_baseline(MetricFamily family, std::span<const float> train_labels, std::span<const float> labels) {
  const auto train = known(train_labels);
  Metrics metrics = constant_metrics(family, median(train), labels);
  for (auto& metric : metrics.values)
    metric.value = constant_metrics(family, majority_score(family, metric.name, train), labels).value(metric.name);
  metrics.degenerate = "majority class of each metric";
  return metrics;
}

}  // namespace kuda
