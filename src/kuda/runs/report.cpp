#include "kuda/runs/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/base/json_number.h"
#include "kuda/base/json_place.h"
#include "kuda/base/named_values.h"
#include "kuda/base/names.h"
#include "kuda/checkpoint/checkpoint.h"
#include "kuda/checkpoint/train_config.h"
#include "kuda/metrics/baselines.h"
#include "kuda/metrics/label_scale.h"
#include "kuda/metrics/table.h"
#include "kuda/models/model.h"

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

Metrics metrics_from(const JsonPlace& object, MetricFamily family) {
  Metrics metrics;
  metrics.family = family;
  metrics.n = object.at("n").count();
  if (object.has("degenerate")) metrics.degenerate = object.at("degenerate").text();
  const auto values = object.at("values");
  for (const auto& [name, entry] : values.entries())
    metrics.values.push_back({name, entry.at("value").number(), entry.at("n").count(), name != "MAE"});
  for (const auto& column : metric_columns(family)) (void)values.at(column.metric);  // the ones that tables show
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

/// "0.9", the key of an entry.
double level_from(const std::string& key, const JsonPlace& entry) {
  double level = 0;
  const auto [end, code] = std::from_chars(key.data(), key.data() + key.size(), level);
  if (code != std::errc() || end != key.data() + key.size() || !(level > 0 && level < 1))
    entry.expected("the key to be a probability");
  return level;
}

IntervalCheck intervals_from(const JsonPlace& object) {
  IntervalCheck check;
  check.clips = object.at("clips").count();
  for (const auto form : kIntervalForms)
    for (const auto& [level, found] : object.at(std::string(interval_form_name(form))).entries()) {
      Coverage entry{form, level_from(level, found), found.at("n").count(), 0, found.at("half_width").number()};
      entry.covered = std::size_t(std::lround(found.at("coverage").share() * double(entry.n)));
      if (std::isnan(entry.half_width)) entry.half_width = std::numeric_limits<double>::infinity();
      check.coverage.push_back(entry);
    }
  return check;
}

/// One of the names of an enum.
template <NamedEnum E>
E value_at(const JsonPlace& place) {
  const auto name = place.text();
  const auto& names = kNamesOf<E>;
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) place.expected("one of " + join(std::vector<std::string>(names.begin(), names.end())));
  return static_cast<E>(found - names.begin());
}

/// The names of the main task and of those that precede it; empty for a model that this program does not have.
std::vector<std::string> tasks_of(const std::string& model) {
  try {
    const auto& info = find_model(model);
    std::vector<std::string> names{kMainTask};
    const DataShape shape;  // of every modality
    if (info.pretrain_tasks)
      for (const auto& task : info.pretrain_tasks(*info.make_config(), shape, shape, {})) names.push_back(task.name);
    return names;
  } catch (const UsageError&) {
    return {};
  }
}

std::string task_at(const JsonPlace& place, const std::string& model) {
  auto task = place.text();
  const auto known = tasks_of(model);
  if (!known.empty() && std::find(known.begin(), known.end(), task) == known.end())
    place.expected("one of " + join(known));
  return task;
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
  const auto [scores, labels] = labelled_scores(predictions, Split::test);
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

namespace {

Report parsed_report(const std::filesystem::path& path) {
  const auto object = parse_json(read_file(path), path.string());
  const JsonPlace root(object, path.string());
  Report report;
  auto& facts = report.facts;
  facts.model = root.at("model").text();
  facts.task = task_at(root.at("task"), facts.model);
  facts.seed = root.at("seed").whole();
  facts.data = root.at("data").text();
  facts.data_fingerprint = root.at("data_fingerprint").text();
  facts.is_synthetic = root.at("is_synthetic").flag();
  facts.family = value_at<MetricFamily>(root.at("family"));
  facts.select = kuda::name_of(value_at<Selection>(root.at("select")));
  if (root.has("select_by")) facts.select_by = kuda::name_of(value_at<SelectBy>(root.at("select_by")));
  if (root.has("chosen_on_test") && root.at("chosen_on_test").flag() != report.is_chosen_on_test())
    root.at("chosen_on_test")
        .expected(fmt::format("{} with select = \"{}\"", report.is_chosen_on_test(), facts.select));
  facts.chosen_epoch = root.at("chosen_epoch").whole();
  facts.epochs = root.at("epochs").whole();
  const auto index_of = [](const std::string& name, const JsonPlace& place) {
    const auto split = std::find_if(kSplits.begin(), kSplits.end(), [&](Split s) { return split_name(s) == name; });
    if (split == kSplits.end()) place.expected("the key to be train, valid or test");
    return std::size_t(*split);
  };
  for (const auto& [name, rows] : root.at("splits").entries()) {
    auto& split = report.splits[index_of(name, rows)];
    for (const auto& [key, metrics] : rows.entries())
      split.push_back({key, name_of(key, facts.model), metrics_from(metrics, facts.family)});
  }
  if (root.has("off_scale"))
    for (const auto& [name, problem] : root.at("off_scale").entries())
      report.off_scale[index_of(name, problem)] = problem.text();
  if (root.has("intervals")) report.intervals = intervals_from(root.at("intervals"));
  return report;
}

}  // namespace

Report read_report(const std::filesystem::path& path) {
  try {
    return parsed_report(path);
  } catch (const FormatError&) {  // it cannot be read
    throw;
  } catch (const DataError& error) {
    throw DataError(error.message(), "take another copy, or train the run again with --restart");
  }
}

}  // namespace kuda
