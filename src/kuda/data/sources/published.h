#pragma once
// The four published data sets: their split sizes, which tell them apart, and the sizes of their unaligned files.
//
//   if (const PublishedSet* set = published_set({1284, 229, 686})) use(set->name);   // "mosi"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "kuda/data/modality.h"
#include "kuda/metrics/metrics.h"

namespace kuda {

struct PublishedSet {
  std::string_view name, title, language;
  MetricFamily family = MetricFamily::mosi;
  double score_range = 3;               ///< scores lie in [-score_range, score_range]
  std::array<std::int64_t, 3> clips{};  ///< train, valid, test
  bool has_unimodal_labels = false;
  PerModality<std::int64_t> length;  ///< of the unaligned file, padded; of a text in word pieces, specials included
  PerModality<std::int64_t> width;   ///< of the unaligned file; of text 0: its words are read
};

[[nodiscard]] const std::vector<PublishedSet>& published_sets();
/// nullptr when no published set has these sizes.
[[nodiscard]] const PublishedSet* published_set(const std::array<std::int64_t, 3>& clips) noexcept;
[[nodiscard]] const PublishedSet* published_set(std::string_view name) noexcept;

/// A feature file that is known by its bytes.
struct KnownFile {
  std::uintmax_t bytes;
  std::string_view sha256, title;
  std::string_view stand_in;   ///< modality whose array is not what its key says; "" when all are
  std::string_view extractor;  ///< what it is instead, as Feature::extractor
};
/// nullptr when the file is not known.
[[nodiscard]] const KnownFile* known_file(std::string_view sha256) noexcept;
/// Whether a known file has this size; if not there is no need to hash one.
[[nodiscard]] bool may_be_known(std::uintmax_t bytes) noexcept;

}  // namespace kuda
