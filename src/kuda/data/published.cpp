#include "kuda/data/published.h"

namespace kuda {

const std::vector<PublishedSet>& published_sets() {
  static const std::vector<PublishedSet> sets{
      {"sims", "CH-SIMS", "zh", MetricFamily::sims, 1, {1368, 456, 457}, true},
      {"simsv2", "CH-SIMSv2 (supervised part)", "zh", MetricFamily::sims, 1, {2722, 647, 1034}, true},
      {"mosi", "CMU-MOSI", "en", MetricFamily::mosi, 3, {1284, 229, 686}, false},
      {"mosei", "CMU-MOSEI", "en", MetricFamily::mosi, 3, {16326, 1871, 4659}, false},
  };
  return sets;
}

const PublishedSet* published_set(const std::array<std::int64_t, 3>& clips) noexcept {
  for (const PublishedSet& set : published_sets())
    if (set.clips == clips) return &set;
  return nullptr;
}

const PublishedSet* published_set(std::string_view name) noexcept {
  for (const PublishedSet& set : published_sets())
    if (set.name == name) return &set;
  return nullptr;
}

}  // namespace kuda
