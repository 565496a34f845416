#include "kuda/data/synth/synth_decode.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace kuda {
namespace {

/// Mean of the levels' sentiments, uniform before the evidence, given one noisy reading of it.
double shrunken_sentiment(const SynthRule& rule, const FrameEvidence& seen) {
  const double variance = FrameRule::sentiment_variance(seen.active);
  double sum = 0, weight = 0;
  for (int level = 0; level < rule.levels(); ++level) {
    const double s = rule.sentiment(level), z = seen.sentiment - s;
    const double p = std::exp(-z * z / (2 * variance));
    sum += p * s;
    weight += p;
  }
  return weight > 0 ? sum / weight : std::clamp(seen.sentiment, -1.0, 1.0);
}

double log_likelihood(const FrameEvidence& seen, SynthRole role) {
  const double level = role == SynthRole::dominant ? 1 : role == SynthRole::noise ? -1 : 0;
  const double z = seen.clarity - level;
  return -z * z / (2 * FrameRule::clarity_variance(seen.active));
}

}  // namespace

float decode_score(const SynthRule& rule, const TextEvidence& text, const FrameEvidence& vision,
                   const FrameEvidence& audio) {
  const SynthRule::Deal* best = nullptr;
  double best_value = 0;
  for (const auto& deal : rule.deals()) {
    if (deal.role.text != text.role || deal.probability <= 0) continue;  // the frame of a text is read without error
    const double value =
        std::log(deal.probability) + log_likelihood(vision, deal.role.vision) + log_likelihood(audio, deal.role.audio);
    if (best != nullptr && value <= best_value) continue;
    best = &deal;
    best_value = value;
  }
  const PerModality<double> sentiment{text.sentiment, shrunken_sentiment(rule, vision),
                                      shrunken_sentiment(rule, audio)};
  const double mu = best == nullptr ? 0 : rule.centre_of_label(best->role, sentiment);
  const int centre = rule.levels() / 2;
  return rule.score(std::clamp(centre + int(std::lround(mu * centre)), 0, rule.levels() - 1));
}

}  // namespace kuda
