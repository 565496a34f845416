#include "kuda/metrics/classes.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include "kuda/base/error.h"
#include "kuda/metrics/metrics.h"

namespace kuda {
namespace {

struct Count {
  int label = 0;
  std::size_t truth = 0, predicted = 0, both = 0;
  [[nodiscard]] double f1() const { return 2.0 * double(both) / double(truth + predicted); }
};

void check_sizes(std::span<const int> truth, std::span<const int> predicted) {
  if (truth.size() != predicted.size())
    throw DataError("metrics: " + std::to_string(truth.size()) + " labels and " + std::to_string(predicted.size()) +
                    " predictions");
}

bool is_hit(int truth, int predicted) { return truth == predicted && truth != kNoClass; }

/// By label, ascending. There are a handful of them: a search from the front is the fastest, and a report of many runs
/// counts classes a million times.
std::vector<Count> count_classes(std::span<const int> truth, std::span<const int> predicted) {
  check_sizes(truth, predicted);
  std::vector<Count> counts;
  const auto of = [&](int label) -> Count& {
    for (auto& count : counts)
      if (count.label == label) return count;
    return counts.emplace_back(Count{label});
  };
  for (std::size_t i = 0; i < truth.size(); ++i) {
    ++of(truth[i]).truth;
    ++of(predicted[i]).predicted;
    if (is_hit(truth[i], predicted[i])) ++of(truth[i]).both;
  }
  std::sort(counts.begin(), counts.end(), [](const auto& a, const auto& b) { return a.label < b.label; });
  return counts;
}

}  // namespace

double accuracy(std::span<const int> truth, std::span<const int> predicted) {
  check_sizes(truth, predicted);
  std::size_t equal = 0;
  for (std::size_t i = 0; i < truth.size(); ++i) equal += is_hit(truth[i], predicted[i]) ? 1 : 0;
  return truth.empty() ? kUndefined : double(equal) / double(truth.size());
}

double weighted_f1(std::span<const int> truth, std::span<const int> predicted) {
  double sum = 0;
  for (const auto& count : count_classes(truth, predicted)) sum += double(count.truth) * count.f1();
  return truth.empty() ? kUndefined : sum / double(truth.size());
}

double macro_f1(std::span<const int> truth, std::span<const int> predicted) {
  const auto counts = count_classes(truth, predicted);
  double sum = 0;
  for (const auto& count : counts) sum += count.f1();
  return truth.empty() ? kUndefined : sum / double(counts.size());
}

}  // namespace kuda
