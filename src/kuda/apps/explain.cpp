// kuda explain: why clips have their scores, and whether the explanation holds.

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <iostream>
#include <memory>

#include "kuda/apps/explain_figure.h"
#include "kuda/apps/number_check.h"
#include "kuda/apps/scoring_options.h"
#include "kuda/apps/stop_signal.h"
#include "kuda/apps/verbs.h"
#include "kuda/base/file.h"
#include "kuda/base/folder.h"
#include "kuda/base/log.h"
#include "kuda/experiments/explain_run.h"
#include "kuda/explain/explain.h"

namespace kuda {

namespace {

struct ExplainArguments {
  ScoringArguments scoring;
  std::string checkpoint, out;
  std::vector<std::string> clips;
  std::size_t most = 10;
  bool json = false;
};

void explain_clips(const ExplainArguments& options) {
  const auto dataset = open_dataset(options.scoring.data);
  ConsoleProgress progress;
  const auto rows =
      options.clips.empty() ? rows_of(dataset, options.scoring.split) : rows_of_clips(dataset, options.clips);
  const auto scoring = options.scoring.options();
  const Scorer scorer(options.checkpoint, dataset, scoring);
  for (const auto& note : scorer.notes()) log_info("{}", note);
  const bool with_maps = !options.out.empty() || !options.clips.empty();
  const PredictOptions predict{scoring.batch_size, torch::Device(scoring.device), "explain",
                               can_draw_on_stderr() ? &progress : nullptr, &catch_stop_signals()};
  const auto explanations = explain_rows(
      *scorer.checkpoint().model, [&](const auto& part) { return scorer.collator()(part); }, rows, predict, with_maps);
  const auto summary = summarise(explanations, dominant_of(dataset, rows));
  const std::vector<Explanation> shown(
      explanations.begin(), explanations.begin() + std::ptrdiff_t(std::min(options.most, explanations.size())));
  if (!options.out.empty()) {
    make_folder(options.out);
    write_file(std::filesystem::path(options.out) / "explanations.json", explanations_json(explanations, summary));
    for (const auto& clip : shown) draw(explanation_figure(clip), options.out);
  }
  if (options.json) {
    std::cout << explanations_json(explanations, summary);
    return;
  }
  std::cout << explanation_table(shown);
  if (shown.size() < explanations.size())
    std::cout << fmt::format("and {} more clips (--most, --out)\n", explanations.size() - shown.size());
  std::cout << '\n' << summary_table(summary);
  std::cout << "changes more: of all pairs of the named modality and another one of the same clip, those in which\n"
               "removing the named one changes the score more; 50 % is chance, and 100 % for removal by definition.\n";
  if (explanations.size() > 1)
    for (const auto modality : unread(explanations))
      std::cout << fmt::format(
          "{}: no score changes without it: this model, as it is trained, does not read it (its README in models/ says "
          "what published behaviour may hide it)\n",
          modality_name(modality));
  if (!dataset.is_synthetic) return;
  std::cout
      << "Synthetic data: which modality is dominant is known. by chance: the same names, dealt out to the clips at "
         "random.\n";
}

}  // namespace

void add_explain(CLI::App& program) {
  auto options = std::make_shared<ExplainArguments>();
  auto* verb =
      program.add_subcommand("explain", "Which modality decided, by up to four measures, and whether they hold.");
  verb->add_option("checkpoint", options->checkpoint, "checkpoint folder, or a run folder with one in model/")
      ->required();
  auto* split = options->scoring.add_to(*verb, "test");
  verb->add_option("--clip", options->clips, "only this clip: VIDEO$_$CLIP; may repeat")
      ->allow_extra_args(false)
      ->excludes(split);
  verb->add_option("--most", options->most, "clips shown and drawn; all are counted")
      ->check(whole_number(0))
      ->capture_default_str();
  verb->add_option("--out", options->out, "folder for explanations.json and a picture of each clip shown");
  verb->add_flag("--json", options->json, "as JSON");
  verb->footer(
      "alone: the score that the model's decoder of one modality gives; the nearest to the score leads.\n"
      "share: with how much norm each modality enters the fusion blocks (KuDA, equation 9).\n"
      "removal: how the score changes when the modality is missing.\n"
      "ratio: the weights that the model predicts for the modalities; the parts, each its ratio times its own score,\n"
      "and the correction add up to the score (KuDA, profile selecting).\n"
      "Example:\n  kuda explain runs/first -d mosi --clip '03bSnISJMiM$_$1' --out why\n"
      "  kuda explain runs/first -d clips --split test --json");
  verb->callback([options] { explain_clips(*options); });
}

}  // namespace kuda
