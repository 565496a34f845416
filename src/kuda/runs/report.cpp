#include "kuda/runs/report.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/base/json_number.h"
#include "kuda/metrics/baselines.h"
#include "kuda/metrics/label_scale.h"
#include "kuda/metrics/table.h"

namespace kuda {
namespace {

using json = nlohmann::ordered_json;

json metrics_json(const Metrics& metrics) {
  json values = json::object();
  for (const auto& metric : metrics.values)
    values[metric.name] = {{"value", json_number(metric.value)}, {"n", metric.n}};
  json object{{"n", metrics.n}, {"values", values}};
  if (!metrics.degenerate.empty()) object["degenerate"] = metrics.degenerate;
  return object;
}

Metrics metrics_from(const json& object, MetricFamily family) {
  Metrics metrics;
  metrics.family = family;
  metrics.n = object.at("n");
  metrics.degenerate = object.value("degenerate", "");
  for (const auto& [name, entry] : object.at("values").items()) {
    metrics.values.push_back({name, number_in(entry.at("value")), entry.at("n"), name != "MAE"});
  }
  return metrics;
}

std::vector<float> known_labels(const std::vector<Prediction>& predictions, Split split) {
  std::vector<float> labels;
  for (const auto& prediction : predictions)
    if (prediction.split == split && !std::isnan(prediction.label)) labels.push_back(prediction.label);
  return labels;
}

/// {"clips": n, "split": {"0.8": {"n", "coverage", "half_width"}, ...}, "magnitude": {...}}; a half width of null is
/// undetermined.
json intervals_json(const IntervalCheck& check) {
  json object{{"clips", check.clips}};
  for (const auto& entry : check.coverage)
    object[std::string(interval_form_name(entry.form))][fmt::format("{}", entry.level)] = {
        {"n", entry.n}, {"coverage", entry.share()}, {"half_width", json_number(entry.half_width)}};
  return object;
}

IntervalCheck intervals_from(const json& object) {
  IntervalCheck check;
  check.clips = object.at("clips");
  for (const auto form : kIntervalForms)
    for (const auto& [level, found] : object.at(std::string(interval_form_name(form))).items()) {
      Coverage entry{form, std::stod(level), found.at("n"), 0, number_in(found.at("half_width"))};
      entry.covered = std::size_t(std::lround(found.at("coverage").get<double>() * double(entry.n)));
      if (std::isnan(entry.half_width)) entry.half_width = std::numeric_limits<double>::infinity();
      check.coverage.push_back(entry);
    }
  return check;
}

std::string name_of(const std::string& key, const std::string& model) {
  if (key == "model") return model;
  if (key == "text_only") return "text only";
  return key;
}

}  // namespace

std::vector<Prediction> text_decoder_scores(const std::vector<Prediction>& predictions) {
  auto scores = predictions;
  for (auto& prediction : scores) {
    prediction.score = prediction.unimodal.text;
    if (std::isnan(prediction.score)) return {};
  }
  return scores;
}

Report make_report(ReportFacts facts, const std::vector<Prediction>& predictions, std::span<const float> train_labels,
                   const std::vector<Prediction>& text_only) {
  Report report;
  report.facts = std::move(facts);
  const auto family = report.facts.family;
  for (const auto split : kSplits) {
    const auto labels = known_labels(predictions, split);
    if (labels.empty()) continue;
    auto& rows = report.splits[std::size_t(split)];
    report.off_scale[std::size_t(split)] = off_scale(family, labels);
    const auto add = [&](const std::string& key, Metrics metrics) {
      rows.push_back({key, name_of(key, report.facts.model), std::move(metrics)});
    };
    add("model", measure(predictions, split, family));
    if (!known_labels(text_only, split).empty()) add("text_only", measure(text_only, split, family));
    if (train_labels.empty()) continue;
    add("mean", mean_baseline(family, train_labels, labels));
    add("majority", majority_baseline(family, train_labels, labels));
  }
  return report;
}

std::optional<IntervalCheck> check_intervals(const Calibration& calibration,
                                             const std::vector<Prediction>& predictions) {
  std::vector<float> scores, labels;
  for (const auto& prediction : predictions) {
    if (prediction.split != Split::test || std::isnan(prediction.label)) continue;
    scores.push_back(prediction.score);
    labels.push_back(prediction.label);
  }
  if (scores.empty()) return std::nullopt;
  return IntervalCheck{calibration.size(), coverage_of(calibration, scores, labels)};
}

std::string Report::table(Split split) const {
  std::string text = fmt::format("{} on {}{}, {} split", facts.model, facts.data,
                                 facts.is_synthetic ? " (synthetic data)" : "", split_name(split));
  if (facts.chosen_epoch > 0)
    text += fmt::format("; epoch {} of {}, {}", facts.chosen_epoch, facts.epochs,
                        facts.select == "last" ? "the last"
                                               : fmt::format("lowest {} {}", facts.select,
                                                             facts.select_by == "mae"    ? "MAE"
                                                             : facts.select_by == "loss" ? "loss"
                                                                                         : "task loss"));
  text += "\n";
  if (is_chosen_on_test()) text += "CHOSEN ON THE TEST SPLIT: a diagnostic, not a result to report\n";
  const auto& rows = splits[std::size_t(split)];
  if (rows.empty()) return text + "no clip with a known label\n";
  std::vector<MetricRow> lines;
  for (const auto& row : rows)
    lines.push_back({row.name + (is_chosen_on_test() && row.key == "model" ? " (chosen on test)" : ""), row.metrics});
  text += format_metric_table(lines);
  if (const auto& problem = off_scale[std::size_t(split)]; !problem.empty())
    text += fmt::format("{}\n{}\n", problem, kScaleHint);
  if (split == Split::test && intervals) text += coverage_lines(intervals->coverage, intervals->clips);
  return text;
}

std::string Report::to_json() const {
  json object{{"model", facts.model},
              {"task", facts.task},
              {"seed", facts.seed},
              {"data", facts.data},
              {"data_fingerprint", facts.data_fingerprint},
              {"is_synthetic", facts.is_synthetic},
              {"family", metric_family_name(facts.family)},
              {"select", facts.select},
              {"select_by", facts.select_by},
              {"chosen_on_test", is_chosen_on_test()},
              {"chosen_epoch", facts.chosen_epoch},
              {"epochs", facts.epochs},
              {"splits", json::object()}};
  for (const auto split : kSplits)
    for (const auto& row : splits[std::size_t(split)])
      object["splits"][std::string(split_name(split))][row.key] = metrics_json(row.metrics);
  for (const auto split : kSplits)
    if (const auto& problem = off_scale[std::size_t(split)]; !problem.empty())
      object["off_scale"][std::string(split_name(split))] = problem;
  if (intervals) object["intervals"] = intervals_json(*intervals);
  return object.dump(2) + "\n";
}

Report read_report(const std::filesystem::path& path) {
  try {
    const auto object = json::parse(read_file(path));
    Report report;
    auto& facts = report.facts;
    facts.model = object.at("model");
    facts.task = object.at("task");
    facts.seed = object.at("seed");
    facts.data = object.at("data");
    facts.data_fingerprint = object.at("data_fingerprint");
    facts.is_synthetic = object.at("is_synthetic");
    facts.family = metric_family(object.at("family").get<std::string>());
    facts.select = object.at("select");
    facts.select_by = object.value("select_by", "mae");
    facts.chosen_epoch = object.at("chosen_epoch");
    facts.epochs = object.at("epochs");
    for (const auto& [split, rows] : object.at("splits").items())
      for (const auto& [key, metrics] : rows.items())
        report.splits[std::size_t(split_from(split))].push_back(
            {key, name_of(key, facts.model), metrics_from(metrics, facts.family)});
    if (object.contains("off_scale"))
      for (const auto& [split, problem] : object.at("off_scale").items())
        report.off_scale[std::size_t(split_from(split))] = problem;
    if (object.contains("intervals")) report.intervals = intervals_from(object.at("intervals"));
    return report;
  } catch (const json::exception& error) {
    throw DataError(fmt::format("{}: not the metrics of a run: {}", path.string(), error.what()));
  }
}

}  // namespace kuda
