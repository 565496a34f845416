// kuda evaluate: a checkpoint on one split, beside the predictors that look at less or at nothing.

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <filesystem>
#include <iostream>
#include <memory>

#include "kuda/apps/scoring_options.h"
#include "kuda/apps/synthetic_bound.h"
#include "kuda/apps/verbs.h"
#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/base/log.h"

namespace kuda {

namespace {

struct EvaluateArguments {
  ScoringArguments scoring;
  std::string checkpoint, out;
  bool json = false;
};

void evaluate_checkpoint(const EvaluateArguments& options) {
  const auto dataset = open_dataset(options.scoring.data);
  const Scorer scorer(options.checkpoint, dataset, options.scoring.options());
  for (const auto& note : scorer.notes()) log_warning("{}", note);
  const auto predictions = scorer.predict(rows_of(dataset, options.scoring.split));
  const auto report = evaluate(scorer, predictions);
  if (!options.out.empty()) {
    const std::filesystem::path out(options.out);
    std::filesystem::create_directories(out);
    write_predictions(out / "predictions.csv", predictions);
    write_file(out / "report.json", report.to_json());
  }
  if (options.json) {
    std::cout << report.to_json();
    return;
  }
  bool is_first = true;
  for (const Split split : kSplits) {
    if (options.scoring.split != "all" && split != split_from(options.scoring.split)) continue;
    if (!is_first) std::cout << '\n';
    is_first = false;
    std::cout << report.table(split) << synthetic_bound(dataset, std::string(split_name(split)));
  }
}

}  // namespace

void add_evaluate(CLI::App& program) {
  auto options = std::make_shared<EvaluateArguments>();
  auto* verb = program.add_subcommand("evaluate", "Score a checkpoint on one split; print the metric table.");
  verb->add_option("checkpoint", options->checkpoint, "checkpoint folder, or a run folder with one in model/")
      ->required();
  options->scoring.add_to(*verb, "test");
  verb->add_option("--out", options->out, "folder for report.json and predictions.csv");
  verb->add_flag("--json", options->json, "the report as JSON");
  verb->footer(
      "What each metric means: docs/metrics.md.\n"
      "Example:\n  kuda evaluate runs/first/model -d mosi\n  kuda evaluate runs/first -d mosi --modalities T --json");
  verb->callback([options] { evaluate_checkpoint(*options); });
}

}  // namespace kuda
