#include "kuda/metrics/classification.h"

#include <fmt/format.h>

#include "kuda/base/error.h"
#include "kuda/metrics/classes.h"

namespace kuda {
namespace {

void check(std::span<const float> logits, std::span<const int> labels) {
  if (labels.empty()) throw DataError("metrics: no clips", "is the split empty?");
  if (logits.size() != 3 * labels.size())
    throw DataError(
        fmt::format("metrics: {} logits and {} labels; expected three logits a clip", logits.size(), labels.size()));
  for (std::size_t i = 0; i < labels.size(); ++i)
    if (labels[i] < 0 || labels[i] > 2)
      throw DataError(fmt::format("metrics: label {} is {}; expected 0, 1 or 2", i, labels[i]));
}

}  // namespace

Metrics evaluate_classification(std::span<const float> logits, std::span<const int> labels) {
  check(logits, labels);
  std::vector<int> three, two, truth_two, nonzero, nonzero_truth, nonzero_labels;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const auto row = logits.subspan(3 * i, 3);
    const int first = row[1] > row[0] ? 1 : 0;
    three.push_back(row[2] > row[static_cast<std::size_t>(first)] ? 2 : first);
    two.push_back(row[2] > row[0] ? 1 : 0);
    truth_two.push_back(labels[i] == 2 ? 1 : 0);
    if (labels[i] == 1) continue;
    nonzero.push_back(two.back());
    nonzero_truth.push_back(truth_two.back());
    nonzero_labels.push_back(labels[i]);
  }
  const std::size_t n = labels.size(), m = nonzero.size();
  Metrics metrics;
  metrics.n = n;
  metrics.family = MetricFamily::mosi;
  metrics.values = {{"Acc_3", accuracy(labels, three), n},
                    {"F1_score_3", weighted_f1(labels, three), n},
                    {"macro_F1_score_3", macro_f1(labels, three), n},
                    {"Has0_acc_2", accuracy(truth_two, two), n},
                    {"Has0_F1_score", weighted_f1(truth_two, two), n},
                    {"Non0_acc_2", accuracy(nonzero_truth, nonzero), m},
                    {"Non0_F1_score", weighted_f1(nonzero_truth, nonzero), m},
                    {"legacy_Non0_acc_2", accuracy(nonzero_labels, nonzero), m},
                    {"legacy_Non0_F1_score", weighted_f1(nonzero_labels, nonzero), m}};
  return metrics;
}

}  // namespace kuda
