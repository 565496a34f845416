// kuda predict: scores of clips, one line per id.

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <cmath>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "kuda/apps/scoring_options.h"
#include "kuda/apps/stop_signal.h"
#include "kuda/apps/verbs.h"
#include "kuda/base/file.h"
#include "kuda/base/json_number.h"
#include "kuda/base/log.h"
#include "kuda/base/names.h"
#include "kuda/checkpoint/conformal.h"
#include "kuda/checkpoint/score_range.h"
#include "kuda/data/input_range.h"
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

/// Modalities whose values are far from those of training, by clip.
std::vector<PerModality<bool>> far_inputs(const Scorer& scorer, const std::vector<std::int64_t>& rows) {
  std::vector<PerModality<bool>> far(rows.size());
  std::size_t count = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (const Modality m : kModalities)
      if (const auto& feature = scorer.dataset().feature(m); feature && scorer.collator().config().uses(m))
        far[i][m] = is_far(frames_of_clip(*feature, rows[i]), scorer.checkpoint().facts.largest_input[m]);
    count += std::find(far[i].begin(), far[i].end(), true) != far[i].end() ? 1 : 0;
  }
  if (count > 0)
    log_warning("{} of {} clips have values more than ten times as large as any in training: far_input marks them",
                count, far.size());
  return far;
}

std::string names_of(const PerModality<bool>& modalities) {
  std::vector<std::string> names;
  for (const Modality m : kModalities)
    if (modalities[m]) names.emplace_back(modality_name(m));
  return join(names, " ");
}

/// What a reader of single scores must know.
struct Marks {
  std::vector<bool> outside_range;
  std::vector<PerModality<bool>> far_input;
  std::vector<Cuts> cuts;
};

std::string as_csv(const std::vector<Prediction>& predictions, const std::vector<ScoreInterval>& intervals,
                   const Marks& marks) {
  std::vector<std::string> header{"id", "split", "label", "prediction", "prediction_T", "prediction_V", "prediction_A"};
  if (!intervals.empty()) header.insert(header.end(), {"low", "high"});
  header.insert(header.end(), {"outside_range", "far_input", "cut"});
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
    line.insert(line.end(),
                {marks.outside_range[i] ? "true" : "false", names_of(marks.far_input[i]), cut_cell(marks.cuts[i])});
    text += io::csv_line(line);
  }
  return text;
}

std::string as_json(const std::vector<Prediction>& predictions, const std::vector<ScoreInterval>& intervals,
                    const Marks& marks) {
  auto list = nlohmann::ordered_json::array();
  for (std::size_t i = 0; i < predictions.size(); ++i) {
    const auto& p = predictions[i];
    nlohmann::ordered_json entry{{"id", p.id},
                                 {"split", split_name(p.split)},
                                 {"label", json_number(p.label)},
                                 {"prediction", json_number(p.score)},
                                 {"outside_range", bool(marks.outside_range[i])}};
    for (const Modality modality : kModalities) {
      const std::string name(modality_name(modality));
      entry["unimodal"][name] = json_number(p.unimodal[modality]);
      entry["far_input"][name] = marks.far_input[i][modality];
    }
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
      if (const auto& cut = marks.cuts[i][modality])
        entry["cut"][std::string(modality_name(modality))] = {{"from", cut->from}, {"to", cut->to}};
    list.push_back(std::move(entry));
  }
  return list.dump(2) + "\n";
}

void predict_clips(const PredictArguments& options) {
  const auto dataset = open_dataset(options.scoring.data);
  std::optional<ConsoleProgress> progress;
  if (can_draw_on_stderr()) progress.emplace();
  auto scoring = options.scoring.options();
  scoring.progress = progress ? &*progress : nullptr;
  scoring.stop = &catch_stop_signals();
  const auto rows =
      options.clips.empty() ? rows_of(dataset, options.scoring.split) : rows_of_clips(dataset, options.clips);
  const Scorer scorer(options.checkpoint, dataset, scoring);
  for (const auto& note : scorer.notes()) log_info("{}", note);
  const auto predictions = scorer.predict(rows);
  progress.reset();  // the bar goes before the notes come
  const auto intervals = intervals_of(options, scorer.calibration(), predictions);
  Marks marks{outside_range(scorer.checkpoint().facts, predictions), far_inputs(scorer, rows), {}};
  for (const auto row : rows) marks.cuts.push_back(scorer.collator().cuts(row));
  note_cuts(predictions, marks.cuts);
  const auto text = options.json ? as_json(predictions, intervals, marks) : as_csv(predictions, intervals, marks);
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
      "outside_range is true where the prediction lies beyond the range of the labels; far_input names modalities "
      "with\n"
      "values more than ten times as large as any in training; cut says what of a clip was cut to the model's length.\n"
      "Example:\n  kuda predict runs/first -d mosi --split test --out scores.csv\n"
      "  kuda predict runs/first -d mosi --clip '03bSnISJMiM$_$1' --json");
  verb->callback([options] { predict_clips(*options); });
}

}  // namespace kuda
