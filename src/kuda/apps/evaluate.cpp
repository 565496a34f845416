// kuda evaluate: a checkpoint on one split, beside the predictors that look at no clip.

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <filesystem>
#include <iostream>
#include <memory>

#include "kuda/apps/metric_report.h"
#include "kuda/apps/run_options.h"
#include "kuda/apps/scoring.h"
#include "kuda/apps/verbs.h"
#include "kuda/base/file.h"
#include "kuda/base/log.h"

namespace kuda {

namespace {

struct Options {
  std::string checkpoint, data, split = "test", modalities, out;
  ScoringOptions scoring;
  bool json = false;
};

void run(const Options& options) {
  const auto dataset = open_dataset(options.data);
  auto scoring = options.scoring;
  if (!options.modalities.empty()) scoring.modalities = modality_names(options.modalities);
  const Scorer scorer(options.checkpoint, dataset, scoring);
  for (const auto& note : scorer.notes()) log_warning("{}", note);
  const auto predictions = scorer.predict(rows_of(dataset, options.split));
  const auto family = scorer.checkpoint().facts.family;
  std::vector<MetricRow> rows{{scorer.checkpoint().config.model, measure_all(predictions, family)}};
  for (auto& row : baseline_rows(dataset, predictions, family)) rows.push_back(std::move(row));

  nlohmann::ordered_json report{{"checkpoint", scorer.checkpoint().folder.string()},
                                {"data", dataset.name},
                                {"data_fingerprint", dataset.fingerprint},
                                {"is_synthetic", dataset.is_synthetic},
                                {"split", options.split},
                                {"family", metric_family_name(family)},
                                {"notes", scorer.notes()}};
  for (const auto& row : rows) report["results"][row.name] = metrics_json(row.metrics);
  if (!options.out.empty()) {
    std::filesystem::create_directories(options.out);
    write_predictions(std::filesystem::path(options.out) / "predictions.csv", predictions);
    write_file(std::filesystem::path(options.out) / "report.json", report.dump(2) + "\n");
  }
  if (options.json) {
    std::cout << report.dump(2) << '\n';
    return;
  }
  std::cout << fmt::format("{} on {}, {} split{}\n\n", scorer.checkpoint().folder.string(), dataset.name, options.split,
                           dataset.is_synthetic ? "; synthetic data" : "")
            << format_metric_table(rows) << synthetic_bound(dataset, options.split);
}

}  // namespace

void add_evaluate(CLI::App& program) {
  auto options = std::make_shared<Options>();
  auto* verb = program.add_subcommand("evaluate", "Score a checkpoint on one split; print the metric table.");
  verb->add_option("checkpoint", options->checkpoint, "checkpoint folder, or a run folder with one in model/")
      ->required();
  verb->add_option("-d,--data", options->data, "feature file (*.pkl) or prepared folder")->required();
  verb->add_option("--split", options->split, "train, valid, test or all")->capture_default_str();
  verb->add_option("--modalities", options->modalities, "use only these, for example T,V");
  verb->add_option("--batch", options->scoring.batch_size, "clips per batch")->capture_default_str();
  verb->add_option("--device", options->scoring.device, "cpu or cuda")->capture_default_str();
  verb->add_option("--out", options->out, "folder for report.json and predictions.csv");
  verb->add_flag("--json", options->json, "the report as JSON");
  verb->footer(
      "What each metric means: docs/metrics.md.\n"
      "Example:\n  kuda evaluate runs/first/model -d mosi\n  kuda evaluate runs/first -d mosi --modalities T --json");
  verb->callback([options] { run(*options); });
}

}  // namespace kuda
