#include "kuda/evaluation/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "kuda/base/error.h"
#include "kuda/base/json_number.h"
#include "kuda/metrics/statistics.h"
#include "kuda/runs/report.h"

namespace kuda {
namespace {

using json = nlohmann::ordered_json;
namespace fs = std::filesystem;

std::map<std::string, const Prediction*> by_id(const std::string& name, const std::vector<Prediction>& predictions) {
  std::map<std::string, const Prediction*> found;
  for (const auto& prediction : predictions)
    if (!found.emplace(prediction.id, &prediction).second)
      throw DataError(fmt::format("{}: clip '{}' comes twice", name, prediction.id));
  return found;
}

/// Clips of one side that the other lacks.
std::vector<std::string> lacking(const std::map<std::string, const Prediction*>& side,
                                 const std::map<std::string, const Prediction*>& other) {
  std::vector<std::string> ids;
  for (const auto& [id, prediction] : side)
    if (!other.contains(id)) ids.push_back(id);
  return ids;
}

Metrics measure_side(const std::vector<ClipDifference>& clips, MetricFamily family, bool is_first) {
  std::vector<float> scores, labels;
  for (const auto& clip : clips) {
    if (std::isnan(clip.label)) continue;
    scores.push_back(is_first ? clip.first : clip.second);
    labels.push_back(clip.label);
  }
  return evaluate_metrics(family, scores, labels);
}

/// One side of compare_files.
struct Side {
  std::vector<Prediction> predictions;
  std::optional<ReportFacts> facts;
};

Side read_side(const fs::path& path, Split split) {
  const auto file = fs::is_directory(path) ? path / "predictions.csv" : path;
  Side side;
  side.predictions = read_predictions(file);
  std::erase_if(side.predictions, [&](const Prediction& prediction) { return prediction.split != split; });
  if (const auto metrics = file.parent_path() / "metrics.json"; fs::exists(metrics))
    side.facts = read_report(metrics).facts;
  return side;
}

}  // namespace

PairedErrors paired_errors(const std::vector<ClipDifference>& clips) {
  PairedErrors errors;
  std::vector<double> differences;
  for (const auto& clip : clips) {
    if (std::isnan(clip.label)) continue;
    const double first = std::abs(double(clip.first) - clip.label), second = std::abs(double(clip.second) - clip.label);
    differences.push_back(second - first);
    errors.first_better += first < second ? 1 : 0;
    errors.second_better += second < first ? 1 : 0;
  }
  errors.n = differences.size();
  if (errors.n == 0) return errors;
  for (const double difference : differences) errors.mean += difference / double(errors.n);
  std::sort(differences.begin(), differences.end());  // so that the order of the files does not matter
  const auto interval = bootstrap_intervals(errors.n, [&](std::span<const std::size_t> rows) {
    double sum = 0;
    for (const auto row : rows) sum += differences[row];
    return std::vector<double>{sum / double(rows.size())};
  });
  errors.low = interval.front().low;
  errors.high = interval.front().high;
  return errors;
}

Comparison compare(const std::string& first_name, const std::vector<Prediction>& first, const std::string& second_name,
                   const std::vector<Prediction>& second, MetricFamily family) {
  const auto left = by_id(first_name, first), right = by_id(second_name, second);
  for (const bool is_first : {true, false})
    if (const auto ids = is_first ? lacking(left, right) : lacking(right, left); !ids.empty())
      throw DataError(fmt::format("{} has no score for {} clips of {}: {}", is_first ? second_name : first_name,
                                  ids.size(), is_first ? first_name : second_name, list_ids(ids)),
                      "both must be made on the same clips");
  Comparison result{first_name, second_name, family, {}, {}, {}, {}, {}};
  bool has_labels = false;
  for (const auto& [id, prediction] : left) {
    const auto& other = *right.at(id);
    const bool is_same = prediction->label == other.label || std::isnan(prediction->label) || std::isnan(other.label);
    if (!is_same)
      throw DataError(fmt::format("clip '{}': label {} in {}, {} in {}", id, prediction->label, first_name, other.label,
                                  second_name),
                      "the two were made on different data");
    const float label = std::isnan(prediction->label) ? other.label : prediction->label;
    has_labels = has_labels || !std::isnan(label);
    result.clips.push_back({id, label, prediction->score, other.score});
  }
  std::stable_sort(result.clips.begin(), result.clips.end(), [](const auto& a, const auto& b) {
    return std::abs(a.first - a.second) > std::abs(b.first - b.second);
  });
  if (!has_labels) return result;
  result.rows = {{first_name, measure_side(result.clips, family, true)},
                 {second_name, measure_side(result.clips, family, false)}};
  for (const auto& metric : result.rows[0].metrics.values)
    result.difference.emplace_back(metric.name, result.rows[1].metrics.value(metric.name) - metric.value);
  result.errors = paired_errors(result.clips);
  return result;
}

Comparison compare_files(const fs::path& first, const fs::path& second, Split split, bool force) {
  auto left = read_side(first, split), right = read_side(second, split);
  std::vector<std::string> notes;
  if (!left.facts && !right.facts)
    throw DataError(fmt::format("{} and {}: no metrics.json beside either", first.string(), second.string()),
                    "the metric family is not known; give run folders");
  if (left.facts && right.facts && left.facts->data_fingerprint != right.facts->data_fingerprint) {
    if (!force)
      throw DataError(fmt::format("{} and {} were made on different data:\n  {} '{}'\n  {} '{}'", first.string(),
                                  second.string(), left.facts->data_fingerprint.substr(0, 16), left.facts->data,
                                  right.facts->data_fingerprint.substr(0, 16), right.facts->data),
                      "evaluate both on one data set, or force the comparison of the clips that both have");
    const auto a = by_id(first.string(), left.predictions), b = by_id(second.string(), right.predictions);
    std::vector<Prediction> kept;
    for (const auto& prediction : left.predictions)
      if (b.contains(prediction.id)) kept.push_back(prediction);
    std::erase_if(right.predictions, [&](const Prediction& prediction) { return !a.contains(prediction.id); });
    notes.push_back(fmt::format("different data: only the {} clips that both have are compared", kept.size()));
    left.predictions = std::move(kept);
  }
  if (left.predictions.empty())
    throw DataError(fmt::format("{}: no clip of the split '{}' to compare", first.string(), split_name(split)));
  for (const auto* side : {&left, &right})
    if (side->facts && side->facts->select == "test")
      notes.push_back(fmt::format("{}: its epoch was chosen on the test split: a diagnostic, not a result",
                                  (side == &left ? first : second).string()));
  const auto family = left.facts ? left.facts->family : right.facts->family;
  auto result = compare(first.string(), left.predictions, second.string(), right.predictions, family);
  result.notes = std::move(notes);
  return result;
}

std::string Comparison::table(std::size_t most) const {
  std::string text;
  for (const auto& note : notes) text += note + "\n";
  if (!rows.empty()) {
    text += format_metric_table(rows);
    text += "\nsecond minus first:";
    for (const auto& [name, value] : difference)
      if (name.find("legacy") == std::string::npos) text += fmt::format("  {} {:+.4f}", name, value);
    text += fmt::format(
        "\nabsolute error, second minus first: {:+.4f} (95 % interval {:+.4f} to {:+.4f}, {} clips): {}\n"
        "closer to the label: first {}, second {}\n",
        errors.mean, errors.low, errors.high, errors.n,
        errors.is_clear() ? (errors.mean < 0 ? "the second is better" : "the first is better") : "no clear difference",
        errors.first_better, errors.second_better);
  }
  text += "\nlargest differences\n";
  for (std::size_t i = 0; i < clips.size() && i < most; ++i)
    text += fmt::format("  {}  label {}  {:.4f}  {:.4f}\n", clips[i].id,
                        std::isnan(clips[i].label) ? "-" : fmt::format("{}", clips[i].label), clips[i].first,
                        clips[i].second);
  return text;
}

std::string Comparison::to_json() const {
  json object{{"first", first}, {"second", second}, {"family", metric_family_name(family)}, {"notes", notes}};
  for (const auto& row : rows)
    for (const auto& metric : row.metrics.values)
      object["metrics"][&row == &rows.front() ? "first" : "second"][metric.name] = json_number(metric.value);
  for (const auto& [name, value] : difference) object["difference"][name] = json_number(value);
  object["absolute_error"] = {{"n", errors.n},
                              {"mean", errors.mean},
                              {"low", errors.low},
                              {"high", errors.high},
                              {"first_better", errors.first_better},
                              {"second_better", errors.second_better}};
  object["clips"] = json::array();
  for (const auto& clip : clips)
    object["clips"].push_back({{"id", clip.id},
                               {"label", json_number(clip.label)},
                               {"first", json_number(clip.first)},
                               {"second", json_number(clip.second)}});
  return object.dump(2) + "\n";
}

}  // namespace kuda
