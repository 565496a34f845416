#pragma once
// How sure a score is: an interval that holds the label of a new clip with a chosen probability, from the errors that
// the model made on the validation split. No LibTorch.
//
//   const Calibration calibration = Calibration::fit(scores, labels);      // of the validation clips
//   const ScoreInterval interval = calibration.interval(0.4F, 0.9);        // low, high
//   calibration.save("model/calibration.json");
//
// Split conformal prediction (Vovk et al. 2005, chapter 4; Lei et al. 2018, algorithm 2): for clips drawn like those of
// the validation split a level of 0.9 covers at least 90 % of the labels, whatever the model is. Two limits of that
// promise: the epoch was chosen on the same clips, so their errors, and with them the intervals, can be slightly too
// small; and clips of another source promise nothing. The coverage on the test split stands beside every table.

#include <array>
#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kuda {

struct ScoreInterval {
  double level = 0;          ///< probability with which it holds the label
  double low = 0, high = 0;  ///< in score units, not cut to the score range; infinite where undetermined
  [[nodiscard]] bool is_determined() const noexcept;
};

/// split: one width for every clip, the default because it needs the fewest clips. magnitude: one width for each third
/// of the validation clips by |score| (Mondrian conformal): closer where strong scores err more, but each width comes
/// from a third of the clips, so it takes more of them and varies more.
enum class IntervalForm { split, magnitude };
constexpr auto value_names(IntervalForm) { return std::array{"split", "magnitude"}; }
inline constexpr std::array<IntervalForm, 2> kIntervalForms{IntervalForm::split, IntervalForm::magnitude};
[[nodiscard]] std::string_view interval_form_name(IntervalForm form) noexcept;
[[nodiscard]] IntervalForm interval_form_from(std::string_view name);  ///< throws ConfigError

/// The levels that reports check.
inline constexpr std::array<double, 3> kLevels{0.8, 0.9, 0.95};

/// The ceil((n + 1) * level)-th smallest of n sorted residuals; infinite when that is more than n: too few clips for
/// the level. level in (0, 1).
[[nodiscard]] double conformal_quantile(std::span<const double> sorted, double level);

class Calibration {
 public:
  /// As many scores as labels; clips without a label (NaN) are left out. Throws DataError when none is left.
  [[nodiscard]] static Calibration fit(std::span<const float> scores, std::span<const float> labels);
  /// Throws CheckpointError naming the file and what is wrong with it.
  [[nodiscard]] static Calibration load(const std::filesystem::path& path);
  /// {"format": 1, "magnitudes": [|score|, ...], "residuals": [|label - score|, ...]}, one of each per clip. Atomic.
  void save(const std::filesystem::path& path) const;

  /// Half the width of the interval around `score`; infinite when undetermined. Throws ConfigError for a level outside
  /// (0, 1).
  [[nodiscard]] double half_width(float score, double level, IntervalForm form = IntervalForm::split) const;
  [[nodiscard]] ScoreInterval interval(float score, double level, IntervalForm form = IntervalForm::split) const;
  [[nodiscard]] std::size_t size() const noexcept { return residuals_.size(); }  ///< validation clips

 private:
  Calibration(std::vector<float> magnitudes, std::vector<double> residuals);
  [[nodiscard]] std::size_t third(float score) const noexcept;

  std::vector<float> magnitudes_;  ///< by validation clip
  std::vector<double> residuals_;  ///< the same
  std::vector<double> sorted_;     ///< all residuals
  std::array<float, 2> edges_{};   ///< largest |score| of the first and of the second third
  std::array<std::vector<double>, 3> sorted_thirds_;
};

/// What intervals of one form and level did on clips with labels.
struct Coverage {
  IntervalForm form = IntervalForm::split;
  double level = 0;
  std::size_t n = 0, covered = 0;  ///< clips, and those whose label lies inside
  double half_width = 0;           ///< mean over the clips; infinite when one is undetermined
  [[nodiscard]] double share() const noexcept { return n == 0 ? 0 : double(covered) / double(n); }
};

/// Every form and level of kLevels, on the clips whose label is known.
[[nodiscard]] std::vector<Coverage> coverage_of(const Calibration& calibration, std::span<const float> scores,
                                                std::span<const float> labels);

/// One line a form: "intervals: 80 % covers 79.2 %, ± 0.983; ...; from 229 validation clips". Ends with "\n".
[[nodiscard]] std::string coverage_lines(const std::vector<Coverage>& coverage, std::size_t clips);

}  // namespace kuda
