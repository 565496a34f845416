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

#include "kuda/apps/predict_video.h"
#include "kuda/apps/scoring_options.h"
#include "kuda/apps/stop_signal.h"
#include "kuda/apps/verbs.h"
#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/base/json_number.h"
#include "kuda/base/log.h"
#include "kuda/checkpoint/conformal.h"
#include "kuda/data/modality_json.h"
#include "kuda/evaluation/score_marks.h"
#include "kuda/io/csv.h"

namespace kuda {

namespace {

struct PredictArguments {
  ScoringArguments scoring;
  std::string checkpoint, out;
  std::vector<std::string> clips;
  IntervalArguments interval;
  bool json = false;
  std::vector<std::string> videos;
  VideoOptions video;
};

/// Intervals around the scores: none where the checkpoint has no calibration.
std::vector<ScoreInterval> intervals_of(const PredictArguments& options, const Calibration* calibration,
                                        const std::vector<Prediction>& predictions) {
  std::vector<ScoreInterval> intervals;
  if (calibration == nullptr) return intervals;
  const auto form = options.interval.value();
  for (const auto& p : predictions) intervals.push_back(calibration->interval(p.score, options.interval.level, form));
  return intervals;
}

/// Empty where undetermined.
std::string cell(double bound) { return std::isfinite(bound) ? fmt::format("{}", float(bound)) : std::string(); }

std::string cell(float value) { return std::isnan(value) ? std::string() : fmt::format("{}", value); }

std::string as_csv(const std::vector<Prediction>& predictions, const std::vector<ScoreInterval>& intervals,
                   const std::vector<ScoreMarks>& marks) {
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
                {marks[i].outside_range ? "true" : "false", names_text(marks[i].far_input), cut_text(marks[i].cut)});
    text += io::csv_line(line);
  }
  return text;
}

std::string as_json(const std::vector<Prediction>& predictions, const std::vector<ScoreInterval>& intervals,
                    const std::vector<ScoreMarks>& marks) {
  auto list = nlohmann::ordered_json::array();
  for (std::size_t i = 0; i < predictions.size(); ++i) {
    const auto& p = predictions[i];
    nlohmann::ordered_json entry{{"id", p.id},
                                 {"split", split_name(p.split)},
                                 {"label", json_number(p.label)},
                                 {"prediction", json_number(p.score)},
                                 {"outside_range", marks[i].outside_range},
                                 {"unimodal", by_modality(p.unimodal)},
                                 {"far_input", by_modality(marks[i].far_input)}};
    if (std::any_of(p.ratio.begin(), p.ratio.end(), [](float ratio) { return !std::isnan(ratio); }))
      entry["ratio"] = by_modality(p.ratio);
    if (!std::isnan(p.correction)) entry["parts"] = parts_json(p.parts, p.correction);
    if (!intervals.empty()) {
      entry["low"] = json_number(float(intervals[i].low));
      entry["high"] = json_number(float(intervals[i].high));
      entry["level"] = intervals[i].level;
    }
    if (auto cut = cut_json(marks[i].cut); !cut.is_null()) entry["cut"] = std::move(cut);
    list.push_back(std::move(entry));
  }
  return list.dump(2) + "\n";
}

void write_output(const std::string& text, const std::string& file) {
  if (file.empty())
    std::cout << text;
  else
    write_file(file, text);
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
  const auto marks = marks_of(scorer, rows, predictions);
  for (const auto& line : describe(marks, scorer)) log_warning("{}", line);
  if (const auto note = cut_note(marks, predictions); !note.empty()) log_info("{}", note);
  const auto text = options.json ? as_json(predictions, intervals, marks) : as_csv(predictions, intervals, marks);
  write_output(text, options.out);
}

/// Scores of raw video. What failed is said in the output and by the exit code.
void predict_videos(const PredictArguments& options) {
  auto video = options.video;
  auto& predictor = video.predictor;
  predictor.device = options.scoring.scoring.device;
  predictor.precision = options.scoring.scoring.precision;
  predictor.batch_size = options.scoring.scoring.batch_size;
  predictor.level = options.interval.level;
  predictor.form = options.interval.value();
  video.any_recipe = options.scoring.scoring.any_recipe;
  const auto only = options.scoring.options().modalities;
  for (const auto m : kModalities)
    video.without[m] = !only.empty() && std::find(only.begin(), only.end(), modality_name(m)) == only.end();
  const VideoPredictor scorer(options.checkpoint, video);
  std::optional<ConsoleProgress> progress(std::in_place);
  const auto scored = score_videos(scorer, options.videos, *progress);
  progress.reset();
  write_output(options.json ? videos_json(scored, scorer.facts()) : videos_csv(scored), options.out);
  require_all_scored(scored);
}

}  // namespace

void add_predict(CLI::App& program) {
  auto options = std::make_shared<PredictArguments>();
  auto* verb = program.add_subcommand("predict", "Scores of clips, with those of each modality beside them.");
  verb->add_option("checkpoint", options->checkpoint, "checkpoint folder, or a run folder with one in model/")
      ->required();
  auto* split = options->scoring.add_to(*verb, "all");
  auto* data = verb->get_option("--data")->required(false);
  auto* video = verb->add_option(
      "--video", options->videos,
      "instead of --data: a video or sound file; may repeat. With --modalities the others count as missing there");
  video->excludes(data)->excludes(split);
  verb->add_option(
      "--extractor", options->video.extractor,
      "of --video: folder of the weights (default: those that the checkpoint keeps, else extractors/default)");
  verb->add_option("--speech-model", options->video.speech_model, "of --video: the Whisper folder of the recipe");
  verb->add_option("--opensmile", options->video.opensmile,
                   "of --video: opensmile/core, where the recipe has its columns");
  verb->add_option("--clip", options->clips, "only this clip: VIDEO$_$CLIP; may repeat")
      ->allow_extra_args(false)
      ->excludes(split)
      ->excludes(video);
  options->interval.add_to(*verb);
  verb->add_option("--out", options->out, "file to write (default: stdout)");
  verb->add_flag("--json", options->json, "JSON instead of CSV");
  verb->footer(
      "Labels are not needed. One line per clip: id, split, label if known, prediction, the prediction of each\n"
      "modality if the model makes one, and, where the checkpoint is calibrated, an interval (docs/metrics.md).\n"
      "outside_range is true where the prediction lies beyond the range of the labels; far_input names modalities "
      "with\n"
      "values more than ten times as large as any in training; cut says what of a clip was cut to the model's length.\n"
      "Example:\n  kuda predict runs/first -d mosi --split test --out scores.csv\n"
      "  kuda predict runs/first -d mosi --clip '03bSnISJMiM$_$1' --json\n"
      "  kuda predict runs/mine --video clip.mp4 --video other.mkv --json");
  verb->callback([options] {
    if (!options->videos.empty()) return predict_videos(*options);
    if (options->scoring.data.empty()) throw UsageError("what is to be scored? --data DATA or --video FILE", "");
    predict_clips(*options);
  });
}

}  // namespace kuda
