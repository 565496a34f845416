// kuda evaluate: a checkpoint on one split, beside the predictors that look at less or at nothing.

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <filesystem>
#include <iostream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "kuda/apps/evaluate_missing.h"
#include "kuda/apps/scoring_options.h"
#include "kuda/apps/synthetic_bound.h"
#include "kuda/apps/verbs.h"
#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/base/folder.h"
#include "kuda/base/log.h"
#include "kuda/evaluation/subsets.h"

namespace kuda {

namespace {

struct EvaluateArguments {
  ScoringArguments scoring;
  MissingArguments missing;
  std::vector<std::string> checkpoints;
  std::string out, by;
  bool json = false;
};

std::vector<Split> splits_of(const std::string& name) {
  return name == "all" ? std::vector<Split>(kSplits.begin(), kSplits.end()) : std::vector<Split>{split_from(name)};
}

/// The report with "by_conflict": {"test": {"agree": ...}} added, where there are subsets.
std::string with_subsets(const std::string& report, const std::map<Split, std::vector<SubsetMetrics>>& by_split) {
  if (by_split.empty()) return report;
  auto object = nlohmann::ordered_json::parse(report);
  for (const auto& [split, subsets] : by_split)
    object["by_conflict"][std::string(split_name(split))] = nlohmann::ordered_json::parse(subset_json(subsets));
  return object.dump(2) + "\n";
}

void evaluate_checkpoint(const EvaluateArguments& options) {
  if (options.checkpoints.size() > 1)
    throw UsageError("several checkpoints are evaluated with --missing only",
                     "`kuda report` puts runs in one table, `kuda compare` tests two");
  const auto dataset = open_dataset(options.scoring.data);
  const Scorer scorer(options.checkpoints.front(), dataset, options.scoring.options());
  for (const auto& note : scorer.notes()) log_warning("{}", note);
  const auto predictions = scorer.predict(rows_of(dataset, options.scoring.split));
  const auto report = evaluate(scorer, predictions);
  const auto splits = splits_of(options.scoring.split);
  std::map<Split, std::vector<SubsetMetrics>> subsets;  // empty without --by
  for (const auto split : splits)
    if (!options.by.empty()) subsets[split] = measure_subsets(predictions, split, dataset.family);
  const auto json = with_subsets(report.to_json(), subsets);
  if (!options.out.empty()) {
    const std::filesystem::path out(options.out);
    make_folder(out);
    write_predictions(out / "predictions.csv", predictions);
    write_file(out / "report.json", json);
  }
  if (options.json) {
    std::cout << json;
    return;
  }
  bool is_first = true;
  for (const auto split : splits) {
    if (!is_first) std::cout << '\n';
    is_first = false;
    std::cout << report.table(split) << synthetic_bound(dataset, std::string(split_name(split)));
    if (!options.by.empty()) std::cout << "\nby conflict\n" << subset_text(subsets.at(split));
  }
}

}  // namespace

void add_evaluate(CLI::App& program) {
  auto options = std::make_shared<EvaluateArguments>();
  auto* verb = program.add_subcommand("evaluate", "Score a checkpoint on one split; print the metric table.");
  verb->add_option(
          "checkpoint", options->checkpoints,
          "checkpoint folder, or a run folder with one in model/; with --missing several, or folders that hold "
          "run folders")
      ->required();
  options->scoring.add_to(*verb, "test");
  auto* by = verb->add_option(
                     "--by", options->by,
                     "also for parts of the clips: conflict = where unimodal labels agree or oppose each other, and by "
                     "the dominant modality")
                 ->check(CLI::IsMember({"conflict"}));
  options->missing.add_to(*verb, by);
  verb->add_option(
      "--out", options->out,
      "folder for report.json and predictions.csv; with --missing for missing.json, missing.csv and curves");
  verb->add_flag("--json", options->json, "the report as JSON");
  verb->footer(
      "What each metric means: docs/metrics.md.\n"
      "Example:\n  kuda evaluate runs/first/model -d mosi\n  kuda evaluate runs/first -d mosi --modalities T --json\n"
      "  kuda evaluate runs/first -d sims --by conflict\n"
      "  kuda evaluate runs/mosi -d mosi --missing 0:0.9:0.1 --out missing      every run below runs/mosi\n"
      "  kuda evaluate runs/first -d mosi --missing 0:0.9:0.3 --lose each,pairs\n"
      "  kuda evaluate runs/first -d mosi --missing 0,0.5,1,2 --lose-as noise");
  verb->callback([options] {
    if (options->missing.is_asked())
      evaluate_missing(options->checkpoints, options->scoring, options->missing, options->out, options->json);
    else
      evaluate_checkpoint(*options);
  });
}

}  // namespace kuda
