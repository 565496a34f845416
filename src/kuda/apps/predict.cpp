// kuda predict: scores of clips, one line per id.

#include <unistd.h>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <cmath>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "kuda/apps/scoring_options.h"
#include "kuda/apps/stop_signal.h"
#include "kuda/apps/verbs.h"
#include "kuda/base/file.h"
#include "kuda/base/json_number.h"
#include "kuda/base/log.h"
#include "kuda/io/csv.h"

namespace kuda {

namespace {

struct PredictArguments {
  ScoringArguments scoring;
  std::string checkpoint, out;
  std::vector<std::string> clips;
  bool json = false;
};

std::string cell(float value) { return std::isnan(value) ? std::string() : fmt::format("{}", value); }

std::string as_csv(const std::vector<Prediction>& predictions) {
  std::string text =
      io::csv_line({"id", "split", "label", "prediction", "prediction_T", "prediction_V", "prediction_A"});
  for (const auto& p : predictions)
    text += io::csv_line({p.id, std::string(split_name(p.split)), cell(p.label), cell(p.score), cell(p.unimodal[0]),
                          cell(p.unimodal[1]), cell(p.unimodal[2])});
  return text;
}

std::string as_json(const std::vector<Prediction>& predictions) {
  auto list = nlohmann::ordered_json::array();
  for (const auto& p : predictions) {
    nlohmann::ordered_json entry{{"id", p.id},
                                 {"split", split_name(p.split)},
                                 {"label", json_number(p.label)},
                                 {"prediction", json_number(p.score)}};
    for (const Modality modality : kModalities)
      entry["unimodal"][std::string(modality_name(modality))] =
          json_number(p.unimodal[static_cast<std::size_t>(modality)]);
    list.push_back(std::move(entry));
  }
  return list.dump(2) + "\n";
}

void predict_clips(const PredictArguments& options) {
  const auto dataset = open_dataset(options.scoring.data);
  ConsoleProgress progress(std::cerr, isatty(STDERR_FILENO) == 1);
  auto scoring = options.scoring.options();
  scoring.progress = isatty(STDERR_FILENO) == 1 ? &progress : nullptr;
  scoring.stop = &catch_stop_signals();
  const auto rows =
      options.clips.empty() ? rows_of(dataset, options.scoring.split) : rows_of_clips(dataset, options.clips);
  const Scorer scorer(options.checkpoint, dataset, scoring);
  for (const auto& note : scorer.notes()) log_info("{}", note);
  const auto predictions = scorer.predict(rows);
  const auto text = options.json ? as_json(predictions) : as_csv(predictions);
  if (options.out.empty())
    std::cout << text;
  else
    write_file(options.out, text);
}

}  // namespace

void add_predict(CLI::App& program) {
  auto options = std::make_shared<PredictArguments>();
  auto* verb = program.add_subcommand("predict", "Scores of clips, with those of each modality beside them.");
  verb->add_option("checkpoint", options->checkpoint, "checkpoint folder, or a run folder with one in model/")
      ->required();
  auto* split = options->scoring.add_to(*verb, "all");
  verb->add_option("--clip", options->clips, "only this clip: VIDEO$_$CLIP; may repeat")
      ->allow_extra_args(false)
      ->excludes(split);
  verb->add_option("--out", options->out, "file to write (default: stdout)");
  verb->add_flag("--json", options->json, "JSON instead of CSV");
  verb->footer(
      "Labels are not needed. One line per clip: id, split, label if known, prediction, and the prediction of each "
      "modality if the model "
      "makes\n"
      "one.\n"
      "Example:\n  kuda predict runs/first -d mosi --split test --out scores.csv\n"
      "  kuda predict runs/first -d mosi --clip '03bSnISJMiM$_$1' --json");
  verb->callback([options] { predict_clips(*options); });
}

}  // namespace kuda
