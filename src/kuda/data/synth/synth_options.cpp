#include <string_view>

#include "kuda/base/error.h"
#include "kuda/base/names.h"
#include "kuda/data/sources/published.h"
#include "kuda/data/synth/synth.h"

namespace kuda {
namespace {

/// What synthetic clips can be like, beside "", our own small set.
std::vector<std::string> published_names() {
  std::vector<std::string> names;
  for (const PublishedSet& set : published_sets()) names.emplace_back(set.name);
  return names;
}

const PublishedSet& sizes_like(std::string_view name) {
  static const PublishedSet small{"",   "",           "en",       MetricFamily::sims, 1, {500, 120, 200},
                                  true, {32, 30, 40}, {0, 20, 16}};
  if (name.empty()) return small;
  if (const PublishedSet* set = published_set(name)) return *set;
  throw ConfigError("synth.like: unknown data set '" + std::string(name) + "'", suggestion(name, published_names()));
}

/// 0 becomes `fallback`; anything else must be at least `low`.
void settle(std::int64_t& value, std::int64_t fallback, std::int64_t low, std::string_view key) {
  if (value == 0) value = fallback;
  if (value < low)
    throw ConfigError("synth." + std::string(key) + ": expected 0 (as in `like`) or at least " + std::to_string(low) +
                      ", found " + std::to_string(value));
}

void require_share(double value, double low, double high, std::string_view key) {
  if (!(value >= low && value <= high))
    throw ConfigError("synth." + std::string(key) + ": expected " + std::to_string(low) + " to " +
                      std::to_string(high) + ", found " + std::to_string(value));
}

}  // namespace

void SynthOptions::describe(Fields& fields) {
  auto known = published_names();
  known.insert(known.begin(), "");
  fields.add("like", like, "take sizes, lengths, widths and score range of this data set; empty: a small set",
             one_of(std::move(known)));
  fields.add("seed", seed, "seed of the clips; the rule is the same for every seed", at_least(0));
  fields.add("train", train, "clips in the training split; 0: as in `like`, else 500", at_least(0));
  fields.add("valid", valid, "clips in the validation split; 0: as in `like`, else 120", at_least(0));
  fields.add("test", test, "clips in the test split; 0: as in `like`, else 200", at_least(0));
  fields.add("text_length", text_length, "most word pieces of a text, specials included; 0: as in `like`, else 32",
             at_least(0));
  fields.add("vision_length", vision_length, "most vision frames; 0: as in `like`, else 30", at_least(0));
  fields.add("audio_length", audio_length, "most audio frames; 0: as in `like`, else 40", at_least(0));
  fields.add("vision_width", vision_width, "features of a vision frame; 0: as in `like`, else 20", at_least(0));
  fields.add("audio_width", audio_width, "features of an audio frame; 0: as in `like`, else 16", at_least(0));
  fields.add("family", family, "score range: sims [-1, 1] or mosi [-3, 3], steps of 0.2; empty: as in `like`",
             one_of({"", "sims", "mosi"}));
  fields.add("dominance", dominance,
             "which modality carries the truth: balanced (a third each), or one of them in 60 % of the clips");
  fields.add("noise", noise, "share of clips in which one modality is unrelated to the score, 0 to 0.8",
             between(0, 0.8));
  fields.add("conflict", conflict, "share of clips in which a supporting modality has the opposite sign, 0 to 1",
             between(0, 1));
  fields.add("label_noise", label_noise, "deviation of the annotators in halves of the score range, 0.01 to 0.5",
             between(0.01, 0.5));
}

SynthOptions SynthOptions::resolved() const {
  SynthOptions out = *this;
  const PublishedSet& sizes = sizes_like(like);
  settle(out.train, sizes.clips[0], 1, "train");
  settle(out.valid, sizes.clips[1], 1, "valid");
  settle(out.test, sizes.clips[2], 1, "test");
  settle(out.text_length, sizes.length.text, 12, "text_length");
  settle(out.vision_length, sizes.length.vision, 4, "vision_length");
  settle(out.vision_width, sizes.width.vision, 4, "vision_width");
  settle(out.audio_length, sizes.length.audio, 4, "audio_length");
  settle(out.audio_width, sizes.width.audio, 4, "audio_width");
  if (out.family.empty()) out.family = metric_family_name(sizes.family);
  static_cast<void>(metric_family(out.family));  // throws on an unknown name
  require_share(noise, 0, 0.8, "noise");
  require_share(conflict, 0, 1, "conflict");
  require_share(label_noise, 0.01, 0.5, "label_noise");
  return out;
}

PerModality<double> SynthOptions::dominance_shares() const {
  if (dominance == TruthCarrier::balanced) return {1.0 / 3, 1.0 / 3, 1.0 / 3};
  PerModality<double> shares{0.2, 0.2, 0.2};
  shares[kModalities[static_cast<std::size_t>(dominance) - 1]] = 0.6;
  return shares;
}

}  // namespace kuda
