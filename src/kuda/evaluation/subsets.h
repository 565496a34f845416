#pragma once
// Metrics by subset of clips: where the labels of the modalities agree, where they conflict, which modality dominates.
// For any data set with unimodal labels.
//
//   std::cout << subset_text(measure_subsets(predictions, Split::test, MetricFamily::sims));
//
// Definitions, from a clip's multimodal label and its three unimodal ones; a clip that lacks one of the four is in
// none. A sign is -1, 0 or 1: neutral (0) is a sign of its own. Docs: docs/metrics.md.
//   agree      the three unimodal labels have one sign (three neutral ones agree)
//   neutral    they do not, but none is opposite to another: some are 0 beside one sign
//   opposed    at least one is positive and one negative
//   noisy      the sign of one differs from that of the multimodal label (KuDA, Figure 8); clean: of none
//   text, vision, audio   dominant: its label is the nearest to the multimodal one; all ties count (KuDA, Figure 7)
// So agree + neutral + opposed = clean + noisy = all, while the last three overlap. Figures 7 and 8 are computed by
// data/doctor/stats.h, whose functions these are.

#include <array>
#include <string>
#include <vector>

#include "kuda/checkpoint/predictions.h"
#include "kuda/metrics/metrics.h"

namespace kuda {

inline constexpr std::size_t kNumSubsets = 9;

struct SubsetName {
  const char* key;    ///< in files: "opposed"
  const char* title;  ///< in tables: "signs opposed"
};
/// In the order of the tables; the first is "all": every clip with the four labels.
[[nodiscard]] const std::array<SubsetName, kNumSubsets>& subset_names() noexcept;

/// Which subsets a clip is in, in the order of subset_names(). All false where one of the labels is NaN.
[[nodiscard]] std::array<bool, kNumSubsets> subsets_of(float label, const PerModality<float>& unimodal_labels);

struct SubsetMetrics {
  std::size_t n = 0;
  Metrics metrics;  ///< without values where n = 0
};

/// Below this many clips a subset is called small: its values say little.
inline constexpr std::size_t kFewClips = 30;

/// Metrics of each subset of one split, in the order of subset_names(). Throws DataError when no clip of the split has
/// all four labels.
[[nodiscard]] std::vector<SubsetMetrics> measure_subsets(const std::vector<Prediction>& predictions, Split split,
                                                         MetricFamily family);

/// A row per subset: clips, MAE, Corr, Acc-2 and F1; then what the rows mean and which are small. Ends with "\n".
[[nodiscard]] std::string subset_text(const std::vector<SubsetMetrics>& subsets);
/// {"agree": {"n": 12, "is_small": true, "values": {"MAE": {"value", "n"}, ...}}, ...}: all metrics of the family.
[[nodiscard]] std::string subset_json(const std::vector<SubsetMetrics>& subsets);

/// "fewer than 30 clips: signs opposed (n = 12)"; empty where no subset is small. `counts`: as subset_names().
[[nodiscard]] std::string small_subsets_note(const std::vector<std::size_t>& counts);
/// What the subsets mean, in a few sentences for below a table.
[[nodiscard]] std::string subsets_legend();

}  // namespace kuda
