#include "kuda/data/sources/published.h"

#include <algorithm>

namespace kuda {

const std::vector<PublishedSet>& published_sets() {
  static const std::vector<PublishedSet> sets{
      {"sims", "CH-SIMS", "zh", MetricFamily::sims, 1, {1368, 456, 457}, true, {39, 55, 400}, {0, 709, 33}},
      {"simsv2",
       "CH-SIMSv2 (supervised part)",
       "zh",
       MetricFamily::sims,
       1,
       {2722, 647, 1034},
       true,
       {50, 232, 925},
       {0, 177, 25}},
      {"mosi", "CMU-MOSI", "en", MetricFamily::mosi, 3, {1284, 229, 686}, false, {50, 500, 375}, {0, 20, 5}},
      {"mosei", "CMU-MOSEI", "en", MetricFamily::mosi, 3, {16326, 1871, 4659}, false, {50, 500, 500}, {0, 35, 74}},
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

namespace {

const std::vector<KnownFile>& known_files() {
  static const std::vector<KnownFile> files{
      {3076858, "39091203b3f5ddf179dac6a029a1914a2840cf4037080bc5fd8549de573ea3c0",
       "CMU-MOSI, utterance level: 73 audio features, 100 stand-in features", "vision",
       "stand-in: published as vision features, but made from the transcripts"},
  };
  return files;
}

}  // namespace

const KnownFile* known_file(std::string_view sha256) noexcept {
  for (const KnownFile& file : known_files())
    if (file.sha256 == sha256) return &file;
  return nullptr;
}

bool may_be_known(std::uintmax_t bytes) noexcept {
  return std::any_of(known_files().begin(), known_files().end(),
                     [&](const KnownFile& file) { return file.bytes == bytes; });
}

}  // namespace kuda
