#pragma once
// Scores when modalities are missing or noisy: a curve of each metric over the missing rate, and the area under it.
//
//   const MissingOptions options{.rates = missing_rates("0:0.9:0.1")};
//   std::cout << missing_text(measure_missing(scorer, dataset.rows(Split::test), options));
//
// Which clips lose what follows from the seed and the clips' ids (data/corruption.h), so that systems are compared on
// the same losses. At rate 0 the scores are those of the complete data, to the byte.

#include <cstdint>
#include <string>
#include <vector>

#include "kuda/data/corruption.h"
#include "kuda/evaluation/scorer.h"

namespace kuda {

struct MissingOptions {
  std::vector<double> rates;
  CorruptionKind kind = CorruptionKind::modality;
  /// "random": every modality in use by draws of its own; letters, as "T" or "TA": these together, and no other.
  std::vector<std::string> patterns{"random"};
  std::uint64_t seed = 1;
};

struct MissingCurve {
  std::string pattern;
  std::vector<Metrics> metrics;  ///< by rate
};

struct MissingReport {
  MissingOptions options;
  std::vector<MissingCurve> curves;  ///< by pattern
};

/// "0:0.9:0.1" (first, last, step) or "0,0.3,0.6". Throws UsageError: not numbers, none, not rising.
[[nodiscard]] std::vector<double> missing_rates(const std::string& text);

/// "random,T,TA" as patterns; "each" stands for T, V and A, "pairs" for TV, TA and VA. Throws UsageError.
[[nodiscard]] std::vector<std::string> missing_patterns(const std::string& text);

/// Metrics of the labelled clips among `rows` at each rate. Throws DataError where none has a label, UsageError for a
/// pattern of a modality that the model does not use.
[[nodiscard]] MissingReport measure_missing(const Scorer& scorer, const std::vector<std::int64_t>& rows,
                                            const MissingOptions& options);

/// The area under a curve by the trapezoid rule, sum of (x_i + x_i+1) / 2 (r_i+1 - r_i): AUILC (Yuan et al. 2021,
/// TFR-Net). NaN for fewer than two rates.
[[nodiscard]] double area_under(const std::vector<double>& rates, const std::vector<double>& values);

/// "missing T", "missing frames of any modality", "noise on A": what happens to the clips, for titles.
[[nodiscard]] std::string missing_title(const MissingOptions& options, std::size_t pattern);

/// A table per pattern: a row per rate, the area below. Ends with "\n".
[[nodiscard]] std::string missing_text(const MissingReport& report);
/// {"kind", "seed", "rates": [...], "patterns": {"random": {"n", "metrics": {"MAE": {"values": [...], "area"}}}}}
[[nodiscard]] std::string missing_json(const MissingReport& report);

}  // namespace kuda
