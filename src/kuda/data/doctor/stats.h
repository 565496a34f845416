#pragma once
// Counts of labels (Table 1 of the KuDA paper) and what unimodal labels say about dominance and noise (its Figures 7
// and 8). Definitions with the checked numbers of CH-SIMS: docs/data-formats.md.
//
//   const auto clips = read_clips_csv("label.csv", ClipTable::mmsa);      // or dataset.clips
//   const LabelStatistics all = label_statistics(clips);
//   all.dominance.share(all.dominance.dominant.text);                       // text is dominant in 48.22 % of CH-SIMS

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "kuda/data/dataset.h"

namespace kuda {

/// Clips by their multimodal label.
struct LabelCounts {
  std::int64_t n = 0, negative = 0, zero = 0, positive = 0, unknown = 0;
  /// <= -0.7 | (-0.7, -0.1] | (-0.1, 0.1] | (0.1, 0.7] | > 0.7: the classes of CH-SIMS. On its grid of 0.2 these are
  /// <= -0.8, -0.6 to -0.2, 0, 0.2 to 0.6 and >= 0.8.
  std::array<std::int64_t, 5> sims_classes{};
};

/// Clips with all four labels. A modality is dominant when its label is the nearest to the multimodal one; all ties
/// count. A clip is noisy when the sign (-1, 0, 1) of one of its unimodal labels differs from that of the multimodal
/// one.
struct Dominance {
  std::int64_t n = 0;
  PerModality<std::int64_t> dominant;
  std::int64_t several = 0;  ///< clips with more than one dominant modality
  std::int64_t noise = 0;
  std::int64_t noise_zero_is_positive = 0;  ///< with two signs only: below zero, and zero or above
  std::int64_t noise_opposite = 0;          ///< only a positive label against a negative one
  [[nodiscard]] double share(std::int64_t count) const noexcept { return n == 0 ? 0 : double(count) / double(n); }
};

/// How equal two distances must be to tie. Decimal labels have no exact binary distance (0.6 - 0.4 against 0.4 - 0.2),
/// so the two exact ways lose ties; they are here because published figures may have been made with them.
enum class Ties { tolerant, exact_float64, exact_float32 };
inline constexpr double kTieTolerance = 1e-6;  ///< far below any label step, far above rounding

/// -1, 0 or 1: a neutral label has a sign of its own. NaN has 0: ask only for known labels.
[[nodiscard]] int label_sign(float label) noexcept;
/// By Modality: its label is the nearest to the multimodal one; all ties count (Figure 7). The labels must be known.
[[nodiscard]] PerModality<bool> dominant_modalities(float label, const PerModality<float>& unimodal_labels,
                                                    Ties ties = Ties::tolerant);
/// The sign of one of the unimodal labels differs from that of the multimodal one (Figure 8). The labels must be known.
[[nodiscard]] bool is_noisy(float label, const PerModality<float>& unimodal_labels) noexcept;

struct LabelStatistics {
  LabelCounts labels;
  Dominance dominance;
};
/// Of the clips of one split, or of all.
[[nodiscard]] LabelStatistics label_statistics(const std::vector<Clip>& clips, std::optional<Split> split = {},
                                               Ties ties = Ties::tolerant);

/// Rows all, train, valid, test as a table to read, or as JSON.
[[nodiscard]] std::string statistics_text(const std::vector<Clip>& clips, Ties ties = Ties::tolerant);
[[nodiscard]] std::string statistics_json(const std::vector<Clip>& clips, Ties ties = Ties::tolerant);

}  // namespace kuda
