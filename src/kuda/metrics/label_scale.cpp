#include "kuda/metrics/label_scale.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "kuda/base/names.h"

namespace kuda {
namespace {

/// "no label is negative": what is missing for two classes; "" when nothing is.
std::string missing_side(MetricFamily family, const std::vector<float>& labels) {
  const auto any = [&](auto is_so) { return std::any_of(labels.begin(), labels.end(), is_so); };
  const bool has_negative = any([](float y) { return y < 0; }), has_zero = any([](float y) { return y == 0; }),
             has_positive = any([](float y) { return y > 0; });
  if (family == MetricFamily::sims) {
    if (!has_positive) return "no label is above 0, so Acc-2 and F1 compare one class with itself";
    if (!has_negative && !has_zero) return "every label is above 0, so Acc-2 and F1 compare one class with itself";
    return "";
  }
  if (!has_negative && !has_positive) return "every label is 0, so Acc-2 and F1 (non-0) have no clip";
  if (!has_negative) return "no label is negative, so Acc-2 and F1 (has-0 and non-0) compare one class with itself";
  if (!has_positive)
    return has_zero ? "no label is positive, so Acc-2 and F1 (non-0) compare one class with itself"
                    : "no label is positive, so Acc-2 and F1 (has-0 and non-0) compare one class with itself";
  return "";
}

}  // namespace

std::string off_scale(MetricFamily family, std::span<const float> labels) {
  std::vector<float> known;
  std::copy_if(labels.begin(), labels.end(), std::back_inserter(known), [](float y) { return !std::isnan(y); });
  if (known.size() < 2) return "";  // one clip says nothing about a scale
  const auto [low, high] = std::minmax_element(known.begin(), known.end());
  const float range = family == MetricFamily::sims ? 1 : 3;
  const auto beyond = std::count_if(known.begin(), known.end(), [&](float y) { return std::abs(y) > range; });
  std::vector<std::string> reasons;
  // A few labels of CMU-MOSEI lie a little outside; one in ten is another scale.
  if (10 * beyond > std::ptrdiff_t(known.size()))
    reasons.push_back(fmt::format(
        "{} of {} labels lie beyond [-{}, {}], where {}", beyond, known.size(), range, range,
        family == MetricFamily::sims ? "all metrics cut them off" : "all of them are one class of Acc-7 and Acc-5"));
  if (auto side = missing_side(family, known); !side.empty()) reasons.push_back(std::move(side));
  if (reasons.empty()) return "";
  return fmt::format("labels from {:g} to {:g}: {}", *low, *high, join(reasons, "; "));
}

}  // namespace kuda
