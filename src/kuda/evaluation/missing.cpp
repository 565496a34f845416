#include "kuda/evaluation/missing.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <ranges>

#include "kuda/base/error.h"
#include "kuda/base/json_number.h"
#include "kuda/base/named_values.h"
#include "kuda/base/names.h"
#include "kuda/base/table.h"
#include "kuda/metrics/table.h"

namespace kuda {
namespace {

constexpr std::size_t kMostRates = 1000;

std::vector<std::string> parts_of(const std::string& text, char separator) {
  std::vector<std::string> parts;
  for (const auto part : std::views::split(text, separator)) parts.emplace_back(part.begin(), part.end());
  return parts;
}

UsageError wrong_rates(const std::string& text, const std::string& why) {
  return UsageError(fmt::format("--missing {}: {}", text, why),
                    "give first:last:step, for example 0:0.9:0.1, or rates with commas: 0,0.3,0.6");
}

double number_from(const std::string& text, const std::string& whole) {
  double value = 0;
  const auto* end = text.data() + text.size();
  const auto [stop, failure] = std::from_chars(text.data(), end, value);
  if (failure != std::errc() || stop != end || !std::isfinite(value) || value < 0)
    throw wrong_rates(whole, fmt::format("expected numbers from 0, found '{}'", text));
  return value;
}

std::vector<double> values_of(const MissingCurve& curve, const std::string& metric) {
  std::vector<double> values;
  for (const auto& metrics : curve.metrics) values.push_back(metrics.value(metric));
  return values;
}

Corruption corruption_of(const std::string& pattern, const MissingOptions& options, double rate) {
  Corruption corruption{.kind = options.kind, .rate = rate, .seed = options.seed};
  if (pattern == "random") return corruption;
  corruption.from = {};
  for (const char letter : pattern) corruption.from[modality_from(std::string(1, letter))] = true;
  return corruption;
}

void require_used(const Scorer& scorer, const std::string& pattern) {
  if (pattern == "random") return;
  const auto& used = scorer.collator().config();
  for (const char letter : pattern)
    if (!used.uses(modality_from(std::string(1, letter))))
      throw UsageError(fmt::format("--lose {}: the model does not use {}", pattern,
                                   modality_name(modality_from(std::string(1, letter)))),
                       fmt::format("it uses {}: name those that it uses, as --lose {}", join(used.modalities),
                                   kuda::letter(modality_from(used.modalities.front()))));
}

std::vector<std::int64_t> labelled(const Dataset& dataset, const std::vector<std::int64_t>& rows) {
  std::vector<std::int64_t> known;
  for (const auto row : rows)
    if (!std::isnan(dataset.clips[std::size_t(row)].label)) known.push_back(row);
  if (known.empty())
    throw DataError(dataset.source + ": no clip of the split has a label, so there is nothing to measure");
  return known;
}

Metrics metrics_of(const std::vector<Prediction>& predictions, MetricFamily family) {
  std::vector<float> scores, labels;
  for (const auto& clip : predictions) {
    scores.push_back(clip.score);
    labels.push_back(clip.label);
  }
  return evaluate_metrics(family, scores, labels);
}

}  // namespace

std::vector<double> missing_rates(const std::string& text) {
  std::vector<double> rates;
  if (const auto parts = parts_of(text, ':'); parts.size() == 3) {
    const double first = number_from(parts[0], text), last = number_from(parts[1], text);
    const double step = number_from(parts[2], text);
    if (!(step > 0) || last < first) throw wrong_rates(text, "the last rate or the step is too small");
    const double count = std::floor((last - first) / step + 1e-6) + 1;
    if (count > double(kMostRates)) throw wrong_rates(text, fmt::format("more than {} rates", kMostRates));
    for (std::size_t i = 0; i < std::size_t(count); ++i)
      rates.push_back(std::round((first + double(i) * step) * 1e9) / 1e9);  // 0.3, not 0.30000000000000004
  } else if (parts.size() == 1) {
    for (const auto& part : parts_of(text, ',')) rates.push_back(number_from(part, text));
  }
  if (rates.empty()) throw wrong_rates(text, "no rates");
  if (std::adjacent_find(rates.begin(), rates.end(), std::greater_equal<>()) != rates.end())
    throw wrong_rates(text, "rates must rise");
  return rates;
}

std::vector<std::string> missing_patterns(const std::string& text) {
  std::vector<std::string> patterns;
  const auto add = [&](const std::string& pattern) {
    if (std::find(patterns.begin(), patterns.end(), pattern) == patterns.end()) patterns.push_back(pattern);
  };
  for (const auto& part : parts_of(text, ',')) {
    if (part == "each")
      for (const auto* pattern : {"T", "V", "A"}) add(pattern);
    else if (part == "pairs")
      for (const auto* pattern : {"TV", "TA", "VA"}) add(pattern);
    else if (part == "random" || ((part.size() == 1 || (part.size() == 2 && part[0] != part[1])) &&
                                  part.find_first_not_of("TVA") == std::string::npos))
      add(part);
    else
      throw UsageError(fmt::format("--lose {}: '{}' is no pattern", text, part),
                       "random, each (T, V and A), pairs (TV, TA and VA), or one or two of the letters T, V, A");
  }
  if (patterns.empty()) throw UsageError("--lose: no pattern", "random, each or pairs");
  return patterns;
}

MissingReport measure_missing(const Scorer& scorer, const std::vector<std::int64_t>& rows,
                              const MissingOptions& options) {
  const auto& dataset = scorer.dataset();
  const auto known = labelled(dataset, rows);
  for (const auto& pattern : options.patterns) require_used(scorer, pattern);
  MissingReport report{options, {}};
  std::optional<Metrics> whole;  // at rate 0 every pattern leaves the clips as they are: scored once
  for (const auto& pattern : options.patterns) {
    MissingCurve curve{pattern, {}};
    for (const double rate : options.rates) {
      if (rate == 0 && !whole) whole = metrics_of(scorer.predict(known), dataset.family);
      curve.metrics.push_back(
          rate == 0 ? *whole
                    : metrics_of(scorer.predict(known, corruption_of(pattern, options, rate)), dataset.family));
    }
    report.curves.push_back(std::move(curve));
  }
  return report;
}

double area_under(const std::vector<double>& rates, const std::vector<double>& values) {
  if (rates.size() < 2) return kUndefined;
  double area = 0;
  for (std::size_t i = 0; i + 1 < rates.size(); ++i)
    area += (values[i] + values[i + 1]) / 2 * (rates[i + 1] - rates[i]);
  return area;
}

std::string missing_title(const MissingOptions& options, std::size_t pattern) {
  constexpr std::array kWhat{"missing", "missing frames of", "noise on"};
  const auto& name = options.patterns[pattern];
  return fmt::format("{} {}", kWhat[std::size_t(options.kind)],
                     name != "random"                        ? name
                     : options.kind == CorruptionKind::noise ? "every modality"
                                                             : "any modality");
}

std::string missing_text(const MissingReport& report) {
  const auto& options = report.options;
  std::string text;
  for (std::size_t pattern = 0; pattern < report.curves.size(); ++pattern) {
    const auto& curve = report.curves[pattern];
    const auto columns = main_columns(curve.metrics.front().family);
    text += fmt::format("{}{} (seed {}, {} clips)\n", text.empty() ? "" : "\n", missing_title(options, pattern),
                        options.seed, curve.metrics.front().n);
    std::vector<std::string> header{options.kind == CorruptionKind::noise ? "strength" : "rate"}, areas{"area"};
    for (const auto& column : columns) {
      header.push_back(column.title);
      const double area = area_under(options.rates, values_of(curve, column.metric));
      areas.push_back(format_metric(column.metric, area));
    }
    Table table(header);
    for (std::size_t i = 0; i < options.rates.size(); ++i) {
      std::vector<std::string> cells{fmt::format("{}", options.rates[i])};
      for (const auto& column : columns)
        cells.push_back(format_metric(column.metric, curve.metrics[i].value(column.metric)));
      table.add(cells);
    }
    if (options.rates.size() > 1) table.add(areas);
    text += table.text();
  }
  return text;
}

std::string missing_json(const MissingReport& report) {
  nlohmann::ordered_json root;
  root["kind"] = name_of(report.options.kind);
  root["seed"] = report.options.seed;
  root["rates"] = report.options.rates;
  for (const auto& curve : report.curves) {
    auto& entry = root["patterns"][curve.pattern];
    entry["n"] = curve.metrics.front().n;
    for (const auto& metric : curve.metrics.front().values) {
      const auto values = values_of(curve, metric.name);
      auto& of_metric = entry["metrics"][metric.name];
      for (const double value : values) of_metric["values"].push_back(json_number(value));
      of_metric["area"] = json_number(area_under(report.options.rates, values));
    }
  }
  return root.dump(2) + "\n";
}

}  // namespace kuda
