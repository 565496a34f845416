// kuda compare: two checkpoints on the very same clips.

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <iostream>
#include <memory>

#include "kuda/apps/number_check.h"
#include "kuda/apps/scoring_options.h"
#include "kuda/apps/synthetic_bound.h"
#include "kuda/apps/verbs.h"
#include "kuda/base/log.h"
#include "kuda/evaluation/compare.h"

namespace kuda {

namespace {

struct CompareArguments {
  ScoringArguments scoring;
  std::string first, second;
  std::size_t clips = 5;
  bool json = false;
};

void compare_checkpoints(const CompareArguments& options) {
  const auto dataset = open_dataset(options.scoring.data);
  const auto rows = rows_of(dataset, options.scoring.split);
  std::vector<std::vector<Prediction>> predictions;
  for (const auto& folder : {options.first, options.second}) {
    const Scorer scorer(folder, dataset, options.scoring.options());
    for (const auto& note : scorer.notes()) log_warning("{}", note);
    predictions.push_back(scorer.predict(rows));
  }
  const auto comparison = compare(options.first, predictions[0], options.second, predictions[1], dataset.family);
  if (options.json) {
    std::cout << comparison.to_json();
    return;
  }
  std::cout << fmt::format("{}{}, {} split\n\n", dataset.name, dataset.is_synthetic ? " (synthetic data)" : "",
                           options.scoring.split)
            << comparison.table(options.clips) << synthetic_bound(dataset, options.scoring.split);
}

}  // namespace

void add_compare(CLI::App& program) {
  auto options = std::make_shared<CompareArguments>();
  auto* verb = program.add_subcommand("compare", "Two checkpoints on the same clips of one data set.");
  verb->add_option("first", options->first, "checkpoint or run folder")->required();
  verb->add_option("second", options->second, "checkpoint or run folder")->required();
  options->scoring.add_to(*verb, "test");
  verb->add_option("--clips", options->clips, "name this many clips on which the two differ most")
      ->check(whole_number(0))
      ->capture_default_str();
  verb->add_flag("--json", options->json, "as JSON");
  verb->footer(
      "One seed of each says little: the interval is over clips, not over seeds.\n"
      "Example:\n  kuda compare runs/paper runs/masked -d mosi");
  verb->callback([options] { compare_checkpoints(*options); });
}

}  // namespace kuda
