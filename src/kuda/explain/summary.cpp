#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "kuda/base/json_number.h"
#include "kuda/base/table.h"
#include "kuda/data/modality_json.h"
#include "kuda/explain/explain.h"

namespace kuda {

namespace {

using Json = nlohmann::ordered_json;

Faithfulness faithfulness_of(const std::vector<Explanation>& clips, Evidence evidence,
                             const std::vector<std::optional<Modality>>& dominant) {
  Faithfulness result;
  std::size_t pairs = 0, larger = 0, right = 0;
  PerModality<std::size_t> times_named, times_dominant;
  double others = 0;
  for (std::size_t i = 0; i < clips.size(); ++i) {
    const auto named = clips[i].leading(evidence);
    if (!named) continue;
    const double own = std::abs(clips[i].change(*named));
    std::size_t count = 0;
    double sum = 0;
    for (const auto modality : kModalities) {
      const double change = std::abs(clips[i].change(modality));
      if (modality == *named || std::isnan(change)) continue;
      ++count;
      sum += change;
      larger += own > change ? 1 : 0;
    }
    if (count == 0 || std::isnan(own)) continue;
    ++result.n;
    pairs += count;
    result.named += own;
    others += sum / double(count);
    if (i >= dominant.size() || !dominant[i]) continue;
    ++result.n_truth;
    ++times_named[*named];
    ++times_dominant[*dominant[i]];
    right += *dominant[i] == *named ? 1 : 0;
  }
  if (result.n > 0) {
    result.named /= double(result.n);
    result.others = others / double(result.n);
    result.more = double(larger) / double(pairs);
  }
  if (result.n_truth == 0) return result;
  const auto n = double(result.n_truth);
  result.names_truth = double(right) / n;
  result.names_truth_by_chance = 0;
  for (const auto m : kModalities)
    result.names_truth_by_chance += double(times_named[m]) / n * (double(times_dominant[m]) / n);
  return result;
}

std::string cell(double value, const char* format = "{:.3f}") {
  return std::isnan(value) ? "-" : fmt::format(fmt::runtime(format), value);
}

std::string name_of(const std::optional<Modality>& modality) {
  return modality ? std::string(modality_name(*modality)) : "-";
}

bool has_ratio(const Explanation& clip) {
  return std::any_of(clip.ratio.begin(), clip.ratio.end(), [](float ratio) { return !std::isnan(ratio); });
}

Json json_of(const Explanation& clip) {
  Json entry{{"id", clip.id}, {"label", json_number(clip.label)}, {"prediction", json_number(clip.score)}};
  entry["unimodal"] = by_modality(clip.unimodal);
  entry["without"] = by_modality(clip.without);
  if (!clip.block_shares.empty()) {
    entry["share"] = by_modality(clip.share);
    for (const auto& shares : clip.block_shares) entry["block_shares"].push_back(by_modality(shares));
  }
  if (has_ratio(clip)) entry["ratio"] = by_modality(clip.ratio);
  if (!std::isnan(clip.correction)) entry["parts"] = parts_json(clip.parts, clip.correction);
  for (const auto evidence : kEvidence)
    if (const auto modality = clip.leading(evidence))
      entry["leading"][evidence_name(evidence)] = std::string(modality_name(*modality));
  for (const auto modality : kModalities) {
    const auto& map = clip.attention[modality];
    if (!map) continue;
    auto rows = Json::array();
    for (std::int64_t row = 0; row < map->rows; ++row) {
      auto& line = rows.emplace_back(Json::array());
      for (std::int64_t column = 0; column < map->columns; ++column)
        line.push_back(json_number(map->weights[std::size_t(row * map->columns + column)]));
    }
    entry["attention"][std::string(modality_name(modality))] = {
        {"entropy", map->entropy}, {"row_max", map->row_max}, {"weights", rows}};
  }
  return entry;
}

}  // namespace

ExplanationSummary summarise(const std::vector<Explanation>& explanations,
                             const std::vector<std::optional<Modality>>& dominant) {
  ExplanationSummary summary;
  summary.n = explanations.size();
  for (const auto evidence : kEvidence) {
    const auto e = static_cast<std::size_t>(evidence);
    for (const auto& clip : explanations)
      if (const auto modality = clip.leading(evidence)) ++summary.leading[e][*modality];
    summary.faithfulness[e] = faithfulness_of(explanations, evidence, dominant);
  }
  return summary;
}

std::string explanation_table(const std::vector<Explanation>& explanations) {
  std::vector<std::string> header{"id",        "label",     "score",        "T alone", "V alone",
                                  "A alone",   "share T",   "share V",      "share A", "without T",
                                  "without V", "without A", "leads: alone", "share",   "removal"};
  const bool is_weighed = std::any_of(explanations.begin(), explanations.end(), has_ratio);
  if (is_weighed)
    header.insert(header.end(), {"ratio", "ratio T", "ratio V", "ratio A", "part T", "part V", "part A", "correction"});
  Table table(header);
  for (const auto& clip : explanations) {
    std::vector<std::string> cells{clip.id, cell(double(clip.label), "{:.2f}"), cell(double(clip.score))};
    for (const float value : clip.unimodal) cells.push_back(cell(double(value)));
    for (const double value : clip.share) cells.push_back(cell(value, "{:.2f}"));
    for (const double value : clip.without) cells.push_back(cell(value));
    for (const auto evidence : kEvidence)
      if (evidence != Evidence::ratio || is_weighed) cells.push_back(name_of(clip.leading(evidence)));
    if (is_weighed) {
      for (const float value : clip.ratio) cells.push_back(cell(double(value), "{:.2f}"));
      for (const float value : clip.parts) cells.push_back(cell(double(value)));
      cells.push_back(cell(double(clip.correction)));
    }
    table.add(std::move(cells));
  }
  return table.text();
}

std::string summary_table(const ExplanationSummary& summary) {
  Table table({"leading modality by", "text", "vision", "audio", "clips", "change without it", "without another",
               "changes more", "names the truth", "by chance"});
  for (const auto evidence : kEvidence) {
    const auto e = static_cast<std::size_t>(evidence);
    const auto& faith = summary.faithfulness[e];
    std::vector<std::string> cells{evidence_name(evidence)};
    for (const auto count : summary.leading[e]) cells.push_back(std::to_string(count));
    cells.push_back(std::to_string(faith.n));
    const bool is_known = faith.n > 0;
    cells.push_back(cell(is_known ? faith.named : kUndefined));
    cells.push_back(cell(is_known ? faith.others : kUndefined));
    cells.push_back(cell(is_known ? 100 * faith.more : kUndefined, "{:.1f} %"));
    cells.push_back(cell(100 * faith.names_truth, "{:.1f} %"));
    cells.push_back(cell(100 * faith.names_truth_by_chance, "{:.1f} %"));
    table.add(std::move(cells));
  }
  return table.text();
}

namespace {

Json as_json(const ExplanationSummary& summary) {
  auto object = Json::object();
  for (const auto evidence : kEvidence) {
    const auto e = static_cast<std::size_t>(evidence);
    const auto& faith = summary.faithfulness[e];
    if (faith.n == 0) continue;
    Json entry{{"clips", faith.n},
               {"change_without_named", faith.named},
               {"change_without_other", faith.others},
               {"named_changes_more", faith.more},
               {"names_truth", json_number(faith.names_truth)},
               {"names_truth_by_chance", json_number(faith.names_truth_by_chance)}};
    entry["leading"] = by_modality(summary.leading[e]);
    object[evidence_name(evidence)] = std::move(entry);
  }
  return object;
}

}  // namespace

std::string explanations_json(const std::vector<Explanation>& explanations, const ExplanationSummary& summary) {
  Json root;
  root["clips"] = Json::array();
  for (const auto& clip : explanations) root["clips"].push_back(json_of(clip));
  root["summary"] = as_json(summary);
  return root.dump(2) + "\n";
}

std::string summary_json(const ExplanationSummary& summary, Split split, const std::string& data_fingerprint) {
  const Json root{{"split", split_name(split)},
                  {"data_fingerprint", data_fingerprint},
                  {"clips", summary.n},
                  {"summary", as_json(summary)}};
  return root.dump(2) + "\n";
}

}  // namespace kuda
