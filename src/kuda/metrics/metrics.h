#pragma once
// The two metric families of the field, exactly as published. No LibTorch.
//
//   const Metrics m = evaluate_metrics(MetricFamily::mosi, predictions, labels);
//   m.value("MAE");

#include <array>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kuda {

enum class MetricFamily { sims, mosi };
constexpr auto value_names(MetricFamily) { return std::array{"sims", "mosi"}; }
[[nodiscard]] MetricFamily metric_family(std::string_view name);  ///< "sims" | "mosi"; throws ConfigError
[[nodiscard]] std::string_view metric_family_name(MetricFamily family) noexcept;

/// The value of a metric where it is not defined.
inline constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();

struct Metric {
  std::string name;   ///< "MAE", "Corr", "Mult_acc_7", "Has0_acc_2", "Non0_F1_score", ... as MMSA spells them
  double value = 0;   ///< fractions, not percent; NaN where undefined (Corr of a constant)
  std::size_t n = 0;  ///< clips it is computed on
  bool higher_is_better = true;
};

struct Metrics {
  MetricFamily family = MetricFamily::sims;
  std::size_t n = 0;
  std::vector<Metric> values;
  std::string degenerate;  ///< empty, or why the predictor is degenerate ("constant prediction 0.12")
  [[nodiscard]] double value(std::string_view name) const;  ///< throws ConfigError naming the known ones
  [[nodiscard]] bool has(std::string_view name) const noexcept;
};

/// Truth and prediction in the right order; inputs are compared as float32 as the references do.
///   sims: MAE, Corr, Mult_acc_5, Mult_acc_3, Mult_acc_2, F1_score, legacy_F1_score; both sides clipped to [-1, 1]
///   mosi: MAE, Corr, Mult_acc_7, Mult_acc_5, Has0_acc_2, Has0_F1_score, Non0_acc_2, Non0_F1_score, two legacy F1
/// F1 is weighted by label counts; the published KuDA weighting by predicted counts stands beside it as
/// "legacy_f1" names (e.g. "legacy_F1_score", "legacy_Has0_F1_score"). What is undefined is NaN with its n: Corr of a
/// constant or of one clip, Non0 values without a label other than 0, the sims family with a prediction that is NaN
/// (in the mosi family such a prediction counts as a wrong class, as in the reference).
/// Throws DataError when sizes differ or n = 0. Definitions: docs/metrics.md.
[[nodiscard]] Metrics evaluate_metrics(MetricFamily family, std::span<const float> predictions,
                                       std::span<const float> labels);

/// Never equal to a class: the one of NaN.
inline constexpr int kNoClass = -1000;

/// Class of a score as the references count them.
///   sims, classes 2, 3, 5: 0 ... classes - 1, borders at 0; -0.1, 0.1; -0.7, -0.1, 0.1, 0.7 (a border belongs below)
///   mosi, classes 3, 5, 7: rounded half to even and clipped to +-1, +-2, +-3; classes 2: 1 when score >= 0, else 0
/// Throws ConfigError for another number of classes.
[[nodiscard]] int score_class(MetricFamily family, int classes, float score);

}  // namespace kuda
