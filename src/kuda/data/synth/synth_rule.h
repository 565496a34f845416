#pragma once
// The hidden state of a synthetic clip and the distribution of its label (docs/synthetic.md, equations 1 to 4).
//
//   const SynthRule rule(options.resolved());
//   const SynthState state = rule.draw(random);
//   const auto p = rule.label_distribution(state);   // over the score grid
//   const int median = rule.median(p);

#include <optional>
#include <vector>

#include "kuda/base/random.h"
#include "kuda/data/synth/synth.h"

namespace kuda {

enum class SynthRole { dominant = 0, support = 1, noise = 2 };

/// Three sentiments as positions on the score grid, and which one the label follows.
struct SynthState {
  PerModality<int> level;
  PerModality<SynthRole> role;       ///< exactly one is dominant, at most one is noise
  std::optional<Modality> conflict;  ///< the supporting modality of opposite sign
  [[nodiscard]] Modality dominant() const noexcept;
};

class SynthRule {
 public:
  /// `options` must be resolved.
  explicit SynthRule(const SynthOptions& options);

  [[nodiscard]] int levels() const noexcept { return levels_; }  ///< 11 (sims) or 31 (mosi)
  /// Sentiment of a level in [-1, 1].
  [[nodiscard]] double sentiment(int level) const noexcept { return double(level - centre_) / centre_; }
  /// Score of a level in the data set's units, steps of 0.2.
  [[nodiscard]] float score(int level) const noexcept { return float(level - centre_) / 5.0F; }
  [[nodiscard]] double half_range() const noexcept { return centre_ / 5.0; }

  [[nodiscard]] SynthState draw(Random& random) const;
  /// mu in [-1, 1]: 0.8 of the dominant sentiment and 0.2 of the mean of the supporting ones.
  [[nodiscard]] double centre_of_label(const SynthState& state) const;
  /// The same from estimated sentiments in [-1, 1].
  [[nodiscard]] static double centre_of_label(const PerModality<SynthRole>& role, const PerModality<double>& sentiment);
  /// P(label = level): a normal density around mu on the grid, restricted to levels that are at least as near to
  /// the dominant sentiment as to each other one.
  [[nodiscard]] std::vector<double> label_distribution(const SynthState& state) const;
  [[nodiscard]] int draw_label(const std::vector<double>& distribution, Random& random) const;
  /// The lowest median: the prediction with the least expected absolute error.
  [[nodiscard]] static int median(const std::vector<double>& distribution);
  /// Expected absolute error of predicting `level`, in score units.
  [[nodiscard]] double expected_error(const std::vector<double>& distribution, int level) const;

  /// Levels that a supporting modality may take beside a dominant one; uniform.
  [[nodiscard]] const std::vector<int>& support_levels(int dominant_level, bool is_conflict) const;
  /// True when no modality can contradict the dominant one, because that one is neutral.
  [[nodiscard]] bool is_neutral(int level) const noexcept { return level == centre_; }

  /// One way in which roles can be dealt, with its probability.
  struct Deal {
    double probability = 0;
    PerModality<SynthRole> role;
    std::optional<Modality> conflict;
  };
  [[nodiscard]] const std::vector<Deal>& deals() const noexcept { return deals_; }

 private:
  int levels_ = 11, centre_ = 5;
  double label_noise_ = 0.12;
  std::vector<std::vector<int>> agreeing_, opposing_;
  std::vector<Deal> deals_;
};

}  // namespace kuda
