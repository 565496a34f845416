#pragma once
// Two predictors on the very same clips: metrics side by side, their difference, and the difference clip by clip.
//
//   const Comparison comparison = compare_files("runs/a", "runs/b", Split::test);
//   std::cout << comparison.table();

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "kuda/checkpoint/predictions.h"
#include "kuda/metrics/metrics.h"
#include "kuda/metrics/table.h"

namespace kuda {

/// Absolute errors on the same clips, second minus first: below 0 the second is better.
struct PairedErrors {
  std::size_t n = 0, first_better = 0, second_better = 0;
  double mean = 0;           ///< MAE of the second minus MAE of the first (of the scores as they are, not clipped)
  double low = 0, high = 0;  ///< 95 % interval of `mean`: percentiles of 2000 resamples of the clips, seeded
  [[nodiscard]] bool is_clear() const { return low > 0 || high < 0; }
};

struct ClipDifference {
  std::string id;
  float label = kUnknown, first = 0, second = 0;
};

struct Comparison {
  std::string first, second;  ///< names
  MetricFamily family = MetricFamily::mosi;
  std::vector<MetricRow> rows;                             ///< both predictors; empty without labels
  std::vector<std::pair<std::string, double>> difference;  ///< metric, second minus first
  PairedErrors errors;
  std::vector<ClipDifference> clips;  ///< the largest difference of scores first
  std::vector<std::string> notes;
  /// Metrics, difference and the `most` clips on which the two differ most.
  [[nodiscard]] std::string table(std::size_t most = 10) const;
  [[nodiscard]] std::string to_json() const;
};

/// Matches clips by id. Throws DataError when one side lacks a clip, an id comes twice, or labels differ.
[[nodiscard]] Comparison compare(const std::string& first_name, const std::vector<Prediction>& first,
                                 const std::string& second_name, const std::vector<Prediction>& second,
                                 MetricFamily family);

/// Two predictions.csv, or run folders that hold one, on one split. The metric family and the fingerprint of the data
/// come from the metrics.json beside them. Throws DataError when the fingerprints differ, unless `force`: then only the
/// clips that both have are compared, and a note says so.
[[nodiscard]] Comparison compare_files(const std::filesystem::path& first, const std::filesystem::path& second,
                                       Split split, bool force = false);

[[nodiscard]] PairedErrors paired_errors(const std::vector<ClipDifference>& clips);

}  // namespace kuda
