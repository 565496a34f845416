// kuda predict: scores of clips, one line per id.

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <cmath>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "kuda/apps/scoring_options.h"
#include "kuda/apps/stop_signal.h"
#include "kuda/apps/verbs.h"
#include "kuda/base/file.h"
#include "kuda/base/json_number.h"
#include "kuda/base/log.h"
#include "kuda/checkpoint/conformal.h"
#include "kuda/checkpoint/score_range.h"
#include "kuda/io/csv.h"

namespace kuda {

namespace {

struct PredictArguments {
  ScoringArguments scoring;
  std::string checkpoint, out;
  std::vector<std::string> clips;
  double level = 0.9;
  std::string interval = "split";
  bool json = false;
};

/// Intervals around the scores: none where the checkpoint has no calibration.
std::vector<ScoreInterval> intervals_of(const PredictArguments& options, const Calibration* calibration,
                                        const std::vector<Prediction>& predictions) {
  std::vector<ScoreInterval> intervals;
  if (calibration == nullptr) return intervals;
  const auto form = interval_form_from(options.interval);
  for (const auto& p : predictions) intervals.push_back(calibration->interval(p.score, options.level, form));
  return intervals;
}

/// Empty where undetermined.
std::string cell(double bound) { return std::isfinite(bound) ? fmt::format("{}", float(bound)) : std::string(); }

std::string cell(float value) { return std::isnan(value) ? std::string() : fmt::format("{}", value); }

/// Which scores lie beyond the range of the labels, by clip.
std::vector<bool> outside_range(const CheckpointFacts& facts, const std::vector<Prediction>& predictions) {
  std::vector<bool> outside;
  for (const auto& p : predictions) outside.push_back(is_outside_range(facts, p.score));
  if (const auto count = std::count(outside.begin(), outside.end(), true); count > 0)
    log_warning("{} of {} scores lie outside [{}, {}], the range of the labels: outside_range marks them", count,
                outside.size(), facts.score_low, facts.score_high);
  return outside;
}

/// "text 60 to 50; audio 925 to 400"; empty for a clip that was read as a whole.
std::string cut_cell(const Cuts& cuts) {
  std::string text;
  for (const Modality modality : kModalities)
    if (const auto& cut = cuts[modality])
      text += fmt::format("{}{} {} to {}", text.empty() ? "" : "; ", modality_name(modality), cut->from, cut->to);
  return text;
}

bool is_cut(const Cuts& cuts) {
  return std::any_of(cuts.begin(), cuts.end(), [](const auto& cut) { return cut.has_value(); });
}

/// Says which clips were cut, with one as an example.
void note_cuts(const std::vector<Prediction>& predictions, const std::vector<Cuts>& cuts) {
  const auto first = std::find_if(cuts.begin(), cuts.end(), is_cut);
  if (first == cuts.end()) return;
  log_info("{} of {} clips are longer than what the model reads and were cut, for example {}: {}",
           std::count_if(cuts.begin(), cuts.end(), is_cut), cuts.size(),
           predictions[std::size_t(first - cuts.begin())].id, cut_cell(*first));
}

std::string as_csv(const std::vector<Prediction>& predictions, const std::vector<ScoreInterval>& intervals,
                   const std::vector<bool>& outside, const std::vector<Cuts>& cuts) {
  std::vector<std::string> header{"id", "split", "label", "prediction", "prediction_T", "prediction_V", "prediction_A"};
  if (!intervals.empty()) header.insert(header.end(), {"low", "high"});
  header.emplace_back("outside_range");
  const bool is_any_cut = std::any_of(cuts.begin(), cuts.end(), is_cut);
  if (is_any_cut) header.emplace_back("cut");
  auto text = io::csv_line(header);
  for (std::size_t i = 0; i < predictions.size(); ++i) {
    const auto& p = predictions[i];
    std::vector<std::string> line{p.id,
                                  std::string(split_name(p.split)),
                                  cell(p.label),
                                  cell(p.score),
                                  cell(p.unimodal.text),
                                  cell(p.unimodal.vision),
                                  cell(p.unimodal.audio)};
    if (!intervals.empty()) line.insert(line.end(), {cell(intervals[i].low), cell(intervals[i].high)});
    line.emplace_back(outside[i] ? "true" : "false");
    if (is_any_cut) line.push_back(cut_cell(cuts[i]));
    text += io::csv_line(line);
  }
  return text;
}

std::string as_json(const std::vector<Prediction>& predictions, const std::vector<ScoreInterval>& intervals,
                    const std::vector<bool>& outside, const std::vector<Cuts>& cuts) {
  auto list = nlohmann::ordered_json::array();
  for (std::size_t i = 0; i < predictions.size(); ++i) {
    const auto& p = predictions[i];
    nlohmann::ordered_json entry{{"id", p.id},
                                 {"split", split_name(p.split)},
                                 {"label", json_number(p.label)},
                                 {"prediction", json_number(p.score)},
                                 {"outside_range", bool(outside[i])}};
    for (const Modality modality : kModalities)
      entry["unimodal"][std::string(modality_name(modality))] = json_number(p.unimodal[modality]);
    for (const auto& [name, values] : {std::pair("ratio", &p.ratio), std::pair("parts", &p.parts)})
      if (std::any_of(values->begin(), values->end(), [](float value) { return !std::isnan(value); }))
        for (const Modality modality : kModalities)
          entry[name][std::string(modality_name(modality))] = json_number((*values)[modality]);
    if (!intervals.empty()) {
      entry["low"] = json_number(float(intervals[i].low));
      entry["high"] = json_number(float(intervals[i].high));
      entry["level"] = intervals[i].level;
    }
    for (const Modality modality : kModalities)
      if (const auto& cut = cuts[i][modality])
        entry["cut"][std::string(modality_name(modality))] = {{"from", cut->from}, {"to", cut->to}};
    list.push_back(std::move(entry));
  }
  return list.dump(2) + "\n";
}

void predict_clips(const PredictArguments& options) {
  const auto dataset = open_dataset(options.scoring.data);
  ConsoleProgress progress;
  auto scoring = options.scoring.options();
  scoring.progress = can_draw_on_stderr() ? &progress : nullptr;
  scoring.stop = &catch_stop_signals();
  const auto rows =
      options.clips.empty() ? rows_of(dataset, options.scoring.split) : rows_of_clips(dataset, options.clips);
  const Scorer scorer(options.checkpoint, dataset, scoring);
  for (const auto& note : scorer.notes()) log_info("{}", note);
  const auto predictions = scorer.predict(rows);
  const auto intervals = intervals_of(options, scorer.calibration(), predictions);
  const auto outside = outside_range(scorer.checkpoint().facts, predictions);
  std::vector<Cuts> cuts;
  for (const auto row : rows) cuts.push_back(scorer.collator().cuts(row));
  note_cuts(predictions, cuts);
  const auto text = options.json ? as_json(predictions, intervals, outside, cuts)
                                 : as_csv(predictions, intervals, outside, cuts);
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
  verb->add_option("--level", options->level, "probability with which low to high holds the label")
      ->capture_default_str();
  verb->add_option("--interval", options->interval, "split: one width; magnitude: one for each third by |score|")
      ->check(CLI::IsMember({"split", "magnitude"}))
      ->capture_default_str();
  verb->add_option("--out", options->out, "file to write (default: stdout)");
  verb->add_flag("--json", options->json, "JSON instead of CSV");
  verb->footer(
      "Labels are not needed. One line per clip: id, split, label if known, prediction, the prediction of each\n"
      "modality if the model makes one, and, where the checkpoint is calibrated, an interval (docs/metrics.md).\n"
      "outside_range is true where the prediction lies beyond the range of the labels.\n"
      "Where clips are longer than what the model reads, `cut` says what was cut, from how much to how much.\n"
      "Example:\n  kuda predict runs/first -d mosi --split test --out scores.csv\n"
      "  kuda predict runs/first -d mosi --clip '03bSnISJMiM$_$1' --json");
  verb->callback([options] { predict_clips(*options); });
}

}  // namespace kuda
