// kuda compare: two checkpoints on the very same clips.

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <cmath>
#include <iostream>
#include <memory>

#include "kuda/apps/metric_report.h"
#include "kuda/apps/scoring.h"
#include "kuda/apps/verbs.h"
#include "kuda/base/log.h"

namespace kuda {

namespace {

struct Options {
  std::string first, second, data, split = "test";
  ScoringOptions scoring;
  bool json = false;
};

/// Absolute errors of two predictors on the same clips.
struct PairedErrors {
  std::size_t n = 0, first_better = 0, second_better = 0;
  double mean = 0;           ///< of (error of the first) - (error of the second): below 0 the first is better
  double low = 0, high = 0;  ///< 95 % interval of the mean, by the normal approximation
};

PairedErrors compare_errors(const std::vector<Prediction>& first, const std::vector<Prediction>& second) {
  std::vector<double> differences;
  PairedErrors result;
  for (std::size_t i = 0; i < first.size(); ++i) {
    if (std::isnan(first[i].label)) continue;
    const double a = std::abs(double(first[i].score) - first[i].label);
    const double b = std::abs(double(second[i].score) - first[i].label);
    differences.push_back(a - b);
    if (a < b) ++result.first_better;
    if (b < a) ++result.second_better;
  }
  result.n = differences.size();
  if (result.n == 0) return result;
  for (const double difference : differences) result.mean += difference / double(result.n);
  double squares = 0;
  for (const double difference : differences) squares += (difference - result.mean) * (difference - result.mean);
  const double error = result.n > 1 ? std::sqrt(squares / double(result.n - 1) / double(result.n)) : 0;
  result.low = result.mean - 1.96 * error;
  result.high = result.mean + 1.96 * error;
  return result;
}

void run(const Options& options) {
  const auto dataset = open_dataset(options.data);
  const auto rows = rows_of(dataset, options.split);
  std::vector<MetricRow> table;
  std::vector<std::vector<Prediction>> predictions;
  const auto family = dataset.family;
  for (const auto& folder : {options.first, options.second}) {
    const Scorer scorer(folder, dataset, options.scoring);
    for (const auto& note : scorer.notes()) log_warning("{}", note);
    predictions.push_back(scorer.predict(rows));
    table.push_back({folder, measure_all(predictions.back(), family)});
  }
  const auto errors = compare_errors(predictions[0], predictions[1]);
  for (auto& row : baseline_rows(dataset, predictions[0], family)) table.push_back(std::move(row));
  if (options.json) {
    nlohmann::ordered_json json{{"data", dataset.name},
                                {"data_fingerprint", dataset.fingerprint},
                                {"split", options.split},
                                {"family", metric_family_name(family)}};
    for (const auto& row : table)
      json["results"].push_back({{"name", row.name}, {"metrics", metrics_json(row.metrics)}});
    json["mae_difference"] = {{"n", errors.n},
                              {"mean", errors.mean},
                              {"low", errors.low},
                              {"high", errors.high},
                              {"first_better", errors.first_better},
                              {"second_better", errors.second_better}};
    std::cout << json.dump(2) << '\n';
    return;
  }
  std::cout
      << fmt::format("{}, {} split{}\n\n", dataset.name, options.split, dataset.is_synthetic ? "; synthetic data" : "")
      << format_metric_table(table)
      << fmt::format(
             "\nMAE of the first minus MAE of the second, over the same {} clips: {:+.4f} (95 % interval {:+.4f} to "
             "{:+.4f})\nclips on which the first is nearer to the label: {}, the second: {}\n",
             errors.n, errors.mean, errors.low, errors.high, errors.first_better, errors.second_better);
}

}  // namespace

void add_compare(CLI::App& program) {
  auto options = std::make_shared<Options>();
  auto* verb = program.add_subcommand("compare", "Two checkpoints on the same clips of one data set.");
  verb->add_option("first", options->first, "checkpoint or run folder")->required();
  verb->add_option("second", options->second, "checkpoint or run folder")->required();
  verb->add_option("-d,--data", options->data, "feature file (*.pkl) or prepared folder")->required();
  verb->add_option("--split", options->split, "train, valid, test or all")->capture_default_str();
  verb->add_option("--batch", options->scoring.batch_size, "clips per batch")->capture_default_str();
  verb->add_option("--device", options->scoring.device, "cpu or cuda")->capture_default_str();
  verb->add_flag("--json", options->json, "as JSON");
  verb->footer(
      "One seed of each says little: the interval is over clips, not over seeds.\n"
      "Example:\n  kuda compare runs/paper runs/masked -d mosi");
  verb->callback([options] { run(*options); });
}

}  // namespace kuda
