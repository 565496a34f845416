#include "kuda/data/doctor/stats.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include <nlohmann/json.hpp>

namespace kuda {
namespace {

using Json = nlohmann::ordered_json;

/// The decimal number that a label was written as (0.2, not 0.200000003), as a double.
double decimal(float label) {
  std::array<char, 32> digits{};
  const auto written = std::to_chars(digits.data(), digits.data() + digits.size(), label);
  double value = 0;
  std::from_chars(digits.data(), written.ptr, value);
  return value;
}

std::size_t sims_class(float label) {
  constexpr std::array<float, 4> kBorders{-0.7F, -0.1F, 0.1F, 0.7F};
  return std::size_t(std::count_if(kBorders.begin(), kBorders.end(), [&](float border) { return label > border; }));
}

void count_label(float label, LabelCounts& counts) {
  if (std::isnan(label)) {
    ++counts.unknown;
    return;
  }
  ++counts.n;
  ++(label < 0 ? counts.negative : label > 0 ? counts.positive : counts.zero);
  ++counts.sims_classes[sims_class(label)];
}

/// Which distances are the least.
template <class Number>
PerModality<bool> nearest(const PerModality<Number>& own, Number label, Number tolerance) {
  const auto distance = [&](Number value) { return std::abs(value - label); };
  const Number least = std::min({distance(own.text), distance(own.vision), distance(own.audio)});
  PerModality<bool> nearest;
  for (const auto m : kModalities) nearest[m] = distance(own[m]) <= least + tolerance;
  return nearest;
}

void count_dominance(const Clip& clip, Ties ties, Dominance& counts) {
  const auto& own = clip.unimodal_labels;
  if (std::isnan(clip.label) || std::any_of(own.begin(), own.end(), [](float label) { return std::isnan(label); }))
    return;
  ++counts.n;
  const auto dominant = dominant_modalities(clip.label, own, ties);
  for (const auto m : kModalities) counts.dominant[m] += dominant[m] ? 1 : 0;
  counts.several += std::count(dominant.begin(), dominant.end(), true) > 1 ? 1 : 0;
  const auto any = [&](auto&& differs) { return std::any_of(own.begin(), own.end(), differs) ? 1 : 0; };
  counts.noise += is_noisy(clip.label, own) ? 1 : 0;
  counts.noise_zero_is_positive += any([&](float label) { return (label < 0) != (clip.label < 0); });
  counts.noise_opposite += any([&](float label) { return label_sign(label) * label_sign(clip.label) < 0; });
}

std::string row_name(std::optional<Split> split) { return split ? std::string(split_name(*split)) : "all"; }

const std::array<std::optional<Split>, 4>& rows() {
  static const std::array<std::optional<Split>, 4> all{std::nullopt, Split::train, Split::valid, Split::test};
  return all;
}

}  // namespace

int label_sign(float label) noexcept { return label > 0 ? 1 : label < 0 ? -1 : 0; }

PerModality<bool> dominant_modalities(float label, const PerModality<float>& unimodal_labels, Ties ties) {
  if (ties == Ties::exact_float32) return nearest<float>(unimodal_labels, label, 0);
  const auto& own = unimodal_labels;
  return nearest<double>({decimal(own.text), decimal(own.vision), decimal(own.audio)}, decimal(label),
                         ties == Ties::tolerant ? kTieTolerance : 0);
}

bool is_noisy(float label, const PerModality<float>& unimodal_labels) noexcept {
  return std::any_of(unimodal_labels.begin(), unimodal_labels.end(),
                     [&](float own) { return label_sign(own) != label_sign(label); });
}

LabelStatistics label_statistics(const std::vector<Clip>& clips, std::optional<Split> split, Ties ties) {
  LabelStatistics statistics;
  for (const Clip& clip : clips) {
    if (split && clip.split != *split) continue;
    count_label(clip.label, statistics.labels);
    count_dominance(clip, ties, statistics.dominance);
  }
  return statistics;
}

std::string statistics_text(const std::vector<Clip>& clips, Ties ties) {
  std::string text = fmt::format("{:<6} {:>6} {:>9} {:>6} {:>9}   {:>6} {:>6} {:>6} {:>6} {:>6}\n", "labels", "n",
                                 "negative", "zero", "positive", "<=-0.7", "<=-0.1", "<=0.1", "<=0.7", ">0.7");
  for (const auto& split : rows()) {
    const auto c = label_statistics(clips, split, ties).labels;
    text += fmt::format("{:<6} {:>6} {:>9} {:>6} {:>9}   {:>6} {:>6} {:>6} {:>6} {:>6}\n", row_name(split), c.n,
                        c.negative, c.zero, c.positive, c.sims_classes[0], c.sims_classes[1], c.sims_classes[2],
                        c.sims_classes[3], c.sims_classes[4]);
  }
  if (label_statistics(clips, {}, ties).dominance.n == 0)
    return text + "\nno clip has all unimodal labels, so nothing can be said about dominance and noise\n";
  const auto cell = [](const Dominance& d, std::int64_t count) {
    return fmt::format("{} ({:.2f} %)", count, 100 * d.share(count));
  };
  text += fmt::format("\n{:<6} {:>6} {:>16} {:>16} {:>16} {:>16} {:>16} {:>16} {:>16}\n", "", "n", "T dominant",
                      "V dominant", "A dominant", "several", "noise", "zero positive", "opposite only");
  for (const auto& split : rows()) {
    const auto d = label_statistics(clips, split, ties).dominance;
    text +=
        fmt::format("{:<6} {:>6} {:>16} {:>16} {:>16} {:>16} {:>16} {:>16} {:>16}\n", row_name(split), d.n,
                    cell(d, d.dominant.text), cell(d, d.dominant.vision), cell(d, d.dominant.audio), cell(d, d.several),
                    cell(d, d.noise), cell(d, d.noise_zero_is_positive), cell(d, d.noise_opposite));
  }
  return text;
}

std::string statistics_json(const std::vector<Clip>& clips, Ties ties) {
  Json all = Json::object();
  for (const auto& split : rows()) {
    const auto [c, d] = label_statistics(clips, split, ties);
    all[row_name(split)] = {
        {"labels",
         {{"n", c.n},
          {"negative", c.negative},
          {"zero", c.zero},
          {"positive", c.positive},
          {"unknown", c.unknown},
          {"sims_classes", c.sims_classes}}},
        {"dominance",
         {{"n", d.n},
          {"dominant", {{"text", d.dominant.text}, {"vision", d.dominant.vision}, {"audio", d.dominant.audio}}},
          {"several", d.several},
          {"noise", d.noise},
          {"noise_zero_is_positive", d.noise_zero_is_positive},
          {"noise_opposite", d.noise_opposite}}}};
  }
  return all.dump(2);
}

}  // namespace kuda
