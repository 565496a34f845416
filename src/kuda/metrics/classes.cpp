#include "kuda/metrics/classes.h"

#include <cstddef>
#include <limits>
#include <map>
#include <string>

#include "kuda/base/error.h"
#include "kuda/metrics/metrics.h"

namespace kuda {
namespace {

struct Count {
  std::size_t truth = 0, predicted = 0, both = 0;
  [[nodiscard]] double f1() const { return 2.0 * double(both) / double(truth + predicted); }
};

std::map<int, Count> count_classes(std::span<const int> truth, std::span<const int> predicted) {
  if (truth.size() != predicted.size())
    throw DataError("metrics: " + std::to_string(truth.size()) + " labels and " + std::to_string(predicted.size()) +
                    " predictions");
  std::map<int, Count> counts;
  for (std::size_t i = 0; i < truth.size(); ++i) {
    ++counts[truth[i]].truth;
    ++counts[predicted[i]].predicted;
    if (truth[i] == predicted[i] && truth[i] != kNoClass) ++counts[truth[i]].both;
  }
  return counts;
}

}  // namespace

double accuracy(std::span<const int> truth, std::span<const int> predicted) {
  std::size_t equal = 0;
  for (const auto& [label, count] : count_classes(truth, predicted)) equal += count.both;
  return truth.empty() ? kUndefined : double(equal) / double(truth.size());
}

double weighted_f1(std::span<const int> truth, std::span<const int> predicted) {
  double sum = 0;
  for (const auto& [label, count] : count_classes(truth, predicted)) sum += double(count.truth) * count.f1();
  return truth.empty() ? kUndefined : sum / double(truth.size());
}

double macro_f1(std::span<const int> truth, std::span<const int> predicted) {
  const auto counts = count_classes(truth, predicted);
  double sum = 0;
  for (const auto& [label, count] : counts) sum += count.f1();
  return truth.empty() ? kUndefined : sum / double(counts.size());
}

}  // namespace kuda
