#include "kuda/data/synth/synth_rule.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace kuda {
namespace {

constexpr double kDominantWeight = 0.8;  // the rest goes to the supporting modalities in equal parts
constexpr double kGap = 0.3;             // least distance of a supporting sentiment from the dominant one

/// Roles when `dominant` leads and `noise` (or nobody) is unrelated.
PerModality<SynthRole> roles_of(Modality dominant, std::optional<Modality> noise) {
  PerModality<SynthRole> role{SynthRole::support, SynthRole::support, SynthRole::support};
  role[dominant] = SynthRole::dominant;
  if (noise) role[*noise] = SynthRole::noise;
  return role;
}

/// Adds the deals of fixed roles: no conflict, or one of the supporting modalities in conflict.
void add_deals(std::vector<SynthRule::Deal>& deals, double probability, double conflict, Modality dominant,
               std::optional<Modality> noise) {
  const auto role = roles_of(dominant, noise);
  const auto supports = double(std::count(role.begin(), role.end(), SynthRole::support));
  deals.push_back({probability * (1 - conflict), role, std::nullopt});
  for (const auto m : kModalities)
    if (role[m] == SynthRole::support) deals.push_back({probability * conflict / supports, role, m});
}

}  // namespace

Modality SynthState::dominant() const noexcept {
  return *std::find_if(kModalities.begin(), kModalities.end(),
                       [&](Modality m) { return role[m] == SynthRole::dominant; });
}

SynthRule::SynthRule(const SynthOptions& options)
    : levels_(metric_family(options.family) == MetricFamily::mosi ? 31 : 11),
      centre_(levels_ / 2),
      label_noise_(options.label_noise) {
  for (int dominant = 0; dominant < levels_; ++dominant) {
    std::vector<int> agreeing, opposing;
    for (int level = 0; level < levels_; ++level) {
      if (std::abs(sentiment(level) - sentiment(dominant)) < kGap) continue;
      const int product = (level - centre_) * (dominant - centre_);
      (product < 0 ? opposing : agreeing).push_back(level);
    }
    agreeing_.push_back(std::move(agreeing));
    opposing_.push_back(std::move(opposing));
  }
  const auto share = options.dominance_shares();
  for (const auto dominant : kModalities) {
    const double p = share[dominant];
    add_deals(deals_, p * (1 - options.noise), options.conflict, dominant, std::nullopt);
    for (const auto noise : kModalities)
      if (noise != dominant) add_deals(deals_, p * options.noise / 2, options.conflict, dominant, noise);
  }
}

const std::vector<int>& SynthRule::support_levels(int dominant_level, bool is_conflict) const {
  const auto& opposing = opposing_[std::size_t(dominant_level)];
  return is_conflict && !opposing.empty() ? opposing : agreeing_[std::size_t(dominant_level)];
}

SynthState SynthRule::draw(Random& random) const {
  SynthState state;
  double left = random.uniform();
  const Deal* chosen = &deals_.back();
  for (const Deal& deal : deals_) {
    left -= deal.probability;
    if (left < 0) {
      chosen = &deal;
      break;
    }
  }
  state.role = chosen->role;
  const int dominant = int(random.below(std::uint64_t(levels_)));
  for (const auto m : kModalities) {
    if (state.role[m] == SynthRole::dominant) {
      state.level[m] = dominant;
    } else if (state.role[m] == SynthRole::noise) {
      state.level[m] = int(random.below(std::uint64_t(levels_)));
    } else {
      const auto& allowed = support_levels(dominant, m == chosen->conflict);
      state.level[m] = allowed[random.below(allowed.size())];
    }
  }
  state.conflict = is_neutral(dominant) ? std::nullopt : chosen->conflict;
  return state;
}

double SynthRule::centre_of_label(const SynthState& state) const {
  return centre_of_label(state.role,
                         {sentiment(state.level.text), sentiment(state.level.vision), sentiment(state.level.audio)});
}

double SynthRule::centre_of_label(const PerModality<SynthRole>& role, const PerModality<double>& sentiment) {
  double dominant = 0, support = 0;
  int supports = 0;
  for (const auto m : kModalities) {
    if (role[m] == SynthRole::dominant) dominant = sentiment[m];
    if (role[m] != SynthRole::support) continue;
    support += sentiment[m];
    ++supports;
  }
  return kDominantWeight * dominant + (1 - kDominantWeight) * support / supports;
}

std::vector<double> SynthRule::label_distribution(const SynthState& state) const {
  const double mu = centre_of_label(state);
  const int dominant = state.level[state.dominant()];
  std::vector<double> p(std::size_t(levels_), 0.0);
  double sum = 0;
  for (int level = 0; level < levels_; ++level) {
    const bool is_nearest = std::all_of(state.level.begin(), state.level.end(), [&](int other) {
      return std::abs(level - dominant) <= std::abs(level - other);
    });
    if (!is_nearest) continue;
    const double z = (sentiment(level) - mu) / label_noise_;
    sum += p[std::size_t(level)] = std::exp(-z * z / 2);
  }
  for (double& value : p) value /= sum;
  return p;
}

int SynthRule::draw_label(const std::vector<double>& distribution, Random& random) const {
  double left = random.uniform();
  int last = 0;
  for (int level = 0; level < levels_; ++level) {
    const double p = distribution[std::size_t(level)];
    if (p <= 0) continue;
    last = level;
    left -= p;
    if (left < 0) return level;
  }
  return last;  // rounding left a hair above the last level
}

int SynthRule::median(const std::vector<double>& distribution) {
  double total = 0;
  for (const double p : distribution) total += p;
  double below = 0;
  for (std::size_t level = 0; level < distribution.size(); ++level) {
    below += distribution[level];
    if (below >= total / 2) return int(level);
  }
  return int(distribution.size()) - 1;
}

double SynthRule::expected_error(const std::vector<double>& distribution, int level) const {
  double error = 0;
  for (std::size_t k = 0; k < distribution.size(); ++k) error += distribution[k] * std::abs(int(k) - level) / 5.0;
  return error;
}

}  // namespace kuda
