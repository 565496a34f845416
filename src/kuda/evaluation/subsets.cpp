#include "kuda/evaluation/subsets.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "kuda/base/error.h"
#include "kuda/base/json_number.h"
#include "kuda/base/names.h"
#include "kuda/base/table.h"
#include "kuda/data/doctor/stats.h"
#include "kuda/metrics/table.h"

namespace kuda {
const std::array<SubsetName, kNumSubsets>& subset_names() noexcept {
  static constexpr std::array<SubsetName, kNumSubsets> kNames{{{"all", "all"},
                                                               {"agree", "signs agree"},
                                                               {"neutral", "some neutral"},
                                                               {"opposed", "signs opposed"},
                                                               {"clean", "clean"},
                                                               {"noisy", "noisy"},
                                                               {"text", "text dominant"},
                                                               {"vision", "vision dominant"},
                                                               {"audio", "audio dominant"}}};
  return kNames;
}

std::array<bool, kNumSubsets> subsets_of(float label, const PerModality<float>& unimodal_labels) {
  const auto is_unknown = [](float value) { return std::isnan(value); };
  if (is_unknown(label) || std::any_of(unimodal_labels.begin(), unimodal_labels.end(), is_unknown)) return {};
  const auto [least, most] = std::minmax(
      {label_sign(unimodal_labels.text), label_sign(unimodal_labels.vision), label_sign(unimodal_labels.audio)});
  const bool agree = least == most, opposed = least < 0 && most > 0;
  const bool noisy = is_noisy(label, unimodal_labels);
  const auto dominant = dominant_modalities(label, unimodal_labels);
  return {true, agree, !agree && !opposed, opposed, !noisy, noisy, dominant.text, dominant.vision, dominant.audio};
}

std::vector<SubsetMetrics> measure_subsets(const std::vector<Prediction>& predictions, Split split,
                                           MetricFamily family) {
  std::array<std::vector<float>, kNumSubsets> scores, labels;
  for (const auto& clip : predictions) {
    if (clip.split != split) continue;
    const auto is_in = subsets_of(clip.label, clip.unimodal_labels);
    for (std::size_t i = 0; i < kNumSubsets; ++i) {
      if (!is_in[i]) continue;
      scores[i].push_back(clip.score);
      labels[i].push_back(clip.label);
    }
  }
  if (labels[0].empty())
    throw DataError(
        fmt::format("no clip of the {} split has a label and all three unimodal labels, so there is no conflict to see",
                    split_name(split)),
        "CH-SIMS, CH-SIMSv2 and synthetic data have them; `kuda data stats` counts them");
  std::vector<SubsetMetrics> subsets;
  for (std::size_t i = 0; i < kNumSubsets; ++i) {
    Metrics none;
    none.family = family;
    subsets.push_back({labels[i].size(), labels[i].empty() ? none : evaluate_metrics(family, scores[i], labels[i])});
  }
  return subsets;
}

std::string small_subsets_note(const std::vector<std::size_t>& counts) {
  std::vector<std::string> small;
  for (std::size_t i = 0; i < counts.size(); ++i)
    if (counts[i] < kFewClips) small.push_back(fmt::format("{} (n = {})", subset_names()[i].title, counts[i]));
  return small.empty() ? "" : fmt::format("fewer than {} clips, whose values say little: {}", kFewClips, join(small));
}

std::string subsets_legend() {
  return "By the unimodal labels; neutral (0) is a sign of its own. agree: all three have one sign; opposed: one is "
         "positive, one negative; some neutral: neither. noisy: the sign of one differs from that of the multimodal "
         "label. dominant: the nearest to the multimodal label; all ties count, so these three overlap.";
}

std::string subset_text(const std::vector<SubsetMetrics>& subsets) {
  const auto columns = main_columns(subsets.front().metrics.family);
  std::vector<std::string> header{"clips", "n"};
  for (const auto& column : columns) header.push_back(column.title);
  Table table(header);
  std::vector<std::size_t> counts;
  for (std::size_t i = 0; i < subsets.size(); ++i) {
    const auto& [n, metrics] = subsets[i];
    counts.push_back(n);
    std::vector<std::string> cells{subset_names()[i].title, std::to_string(n)};
    for (const auto& column : columns)
      cells.push_back(n == 0 ? "-" : format_metric(column.metric, metrics.value(column.metric)));
    table.add(cells);
  }
  auto text = table.text() + subsets_legend() + "\n";
  if (const auto note = small_subsets_note(counts); !note.empty()) text += note + "\n";
  return text;
}

std::string subset_json(const std::vector<SubsetMetrics>& subsets) {
  nlohmann::ordered_json root;
  for (std::size_t i = 0; i < subsets.size(); ++i) {
    auto& entry = root[subset_names()[i].key];
    entry = {{"n", subsets[i].n}, {"is_small", subsets[i].n < kFewClips}, {"values", nlohmann::ordered_json::object()}};
    for (const auto& metric : subsets[i].metrics.values)
      entry["values"][metric.name] = {{"value", json_number(metric.value)}, {"n", metric.n}};
  }
  return root.dump(2);
}

}  // namespace kuda
