#pragma once
// The two metric families of the field, exactly as published. No LibTorch.
//
//   const Metrics m = evaluate_metrics(MetricFamily::mosi, predictions, labels);
//   m.value("MAE");

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kuda {

enum class MetricFamily { sims, mosi };
[[nodiscard]] MetricFamily metric_family(std::string_view name);  ///< "sims" | "mosi"; throws ConfigError
[[nodiscard]] std::string_view metric_family_name(MetricFamily family) noexcept;

struct Metric {
  std::string name;    ///< "MAE", "Corr", "Mult_acc_7", "Has0_acc_2", "Non0_F1_score", ... as MMSA spells them
  double value = 0;    ///< fractions, not percent; NaN where undefined (Corr of a constant)
  std::size_t n = 0;   ///< clips it is computed on
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
/// F1 is weighted by label counts; the published KuDA weighting by predicted counts stands beside it as
/// "legacy_f1" names (e.g. "legacy_F1_score", "legacy_Has0_F1_score"). Throws DataError when sizes differ or n = 0.
[[nodiscard]] Metrics evaluate_metrics(MetricFamily family, std::span<const float> predictions,
                                       std::span<const float> labels);

}  // namespace kuda
