// Exact expected errors of ideal predictors, by enumeration of the hidden states (docs/synthetic.md, section 4).

#include <cstddef>
#include <vector>

#include "kuda/data/synth/synth_rule.h"

namespace kuda {
namespace {

/// Joint probabilities of something observed and the label: one row of `levels` numbers per observation.
class JointTable {
 public:
  JointTable(std::size_t observations, int levels) : levels_(std::size_t(levels)), p_(observations * levels_, 0.0) {}
  void add(std::size_t observation, const std::vector<double>& label, double probability) {
    for (std::size_t k = 0; k < levels_; ++k) p_[observation * levels_ + k] += probability * label[k];
  }
  /// MAE of the predictor that answers each observation with the median of its row.
  [[nodiscard]] double least_mae(const SynthRule& rule) const {
    double error = 0;
    std::vector<double> row(levels_);
    for (std::size_t start = 0; start < p_.size(); start += levels_) {
      row.assign(p_.begin() + std::ptrdiff_t(start), p_.begin() + std::ptrdiff_t(start + levels_));
      error += rule.expected_error(row, SynthRule::median(row));
    }
    return error;
  }

 private:
  std::size_t levels_;
  std::vector<double> p_;
};

/// Levels that modality m can take in a deal, given the dominant level; uniform over them.
std::vector<int> levels_of(const SynthRule& rule, const SynthRule::Deal& deal, Modality m, int dominant) {
  if (deal.role[m] == SynthRole::dominant) return {dominant};
  if (deal.role[m] == SynthRole::support) return rule.support_levels(dominant, m == deal.conflict);
  std::vector<int> all(std::size_t(rule.levels()));
  for (int level = 0; level < rule.levels(); ++level) all[std::size_t(level)] = level;
  return all;
}

/// Calls visit(state, probability, label distribution) for every hidden state of the rule.
template <class Visit>
void for_each_state(const SynthRule& rule, Visit&& visit) {
  SynthState state;
  for (const auto& deal : rule.deals()) {
    if (deal.probability <= 0) continue;
    state.role = deal.role;
    for (int dominant = 0; dominant < rule.levels(); ++dominant) {
      state.conflict = rule.is_neutral(dominant) ? std::nullopt : deal.conflict;
      const auto text = levels_of(rule, deal, Modality::text, dominant);
      const auto vision = levels_of(rule, deal, Modality::vision, dominant);
      const auto audio = levels_of(rule, deal, Modality::audio, dominant);
      const double count = double(text.size() * vision.size() * audio.size());
      const double probability = deal.probability / rule.levels() / count;
      for (const int t : text)
        for (const int v : vision)
          for (const int a : audio) {
            state.level = {t, v, a};
            visit(state, probability, rule.label_distribution(state));
          }
    }
  }
}

}  // namespace

SynthBounds synth_bounds(const SynthOptions& options) {
  const SynthRule rule(options.resolved());
  const auto levels = std::size_t(rule.levels());
  SynthBounds bounds;
  JointTable nothing(1, rule.levels());
  JointTable all(levels * levels * levels, rule.levels());
  const JointTable one(3 * levels, rule.levels());
  PerModality<JointTable> single{one, one, one};
  for_each_state(rule, [&](const SynthState& state, double probability, const std::vector<double>& label) {
    bounds.bayes += probability * rule.expected_error(label, SynthRule::median(label));
    nothing.add(0, label, probability);
    const auto& level = state.level;
    all.add((std::size_t(level.text) * levels + std::size_t(level.vision)) * levels + std::size_t(level.audio), label,
            probability);
    for (const auto m : kModalities)
      single[m].add(std::size_t(state.role[m]) * levels + std::size_t(level[m]), label, probability);
  });
  bounds.blind = all.least_mae(rule);
  bounds.constant = nothing.least_mae(rule);
  for (const auto m : kModalities) bounds.single[m] = single[m].least_mae(rule);
  return bounds;
}

double bayes_mae(const SynthOptions& options) { return synth_bounds(options).bayes; }

}  // namespace kuda
