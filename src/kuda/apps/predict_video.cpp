#include "kuda/apps/predict_video.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "kuda/base/error.h"
#include "kuda/base/log.h"
#include "kuda/base/names.h"
#include "kuda/extract/clip_extractor.h"
#include "kuda/io/csv.h"
#include "kuda/predictor/clip_files.h"
#include "kuda/serve/answers.h"

namespace kuda {

namespace {

namespace fs = std::filesystem;
using json = nlohmann::ordered_json;

/// What of a video the model gets.
PredictorFacts wanted(PredictorFacts facts, const std::vector<std::string>& modalities) {
  for (const auto m : kModalities)
    if (!modalities.empty() && std::find(modalities.begin(), modalities.end(), modality_name(m)) == modalities.end())
      facts.inputs[m].is_in_use = false;
  return facts;
}

std::string shown(std::optional<float> value) { return value ? fmt::format("{}", *value) : ""; }
std::string shown(const std::optional<double>& value) { return value ? fmt::format("{}", float(*value)) : ""; }
std::string shown(const std::optional<Modality>& modality) {
  return modality ? std::string(modality_name(*modality)) : "";
}

std::string missing_of(const ScoredVideo& video) {
  const auto missing = missing_in(video.clip, video.facts);
  std::vector<std::string> list;
  for (const auto m : kModalities)
    if (!missing[m].empty()) list.push_back(fmt::format("{}: {}", modality_name(m), missing[m]));
  return join(list, "; ");
}

std::string list_of(const PerModality<bool>& modalities) {
  std::vector<std::string> names;
  for (const auto m : kModalities)
    if (modalities[m]) names.emplace_back(modality_name(m));
  return join(names, " ");
}

}  // namespace

Recipe recipe_for(const PredictorFacts& facts, const fs::path& checkpoint, bool any_recipe) {
  const auto text = video_recipe(facts, checkpoint, any_recipe);
  return text.empty() ? Recipe::with_any_weights()
                      : Recipe::parse(text, (checkpoint / "config.json").string() + ": recipe");
}

std::vector<ScoredVideo> score_videos(const fs::path& checkpoint, const PredictorOptions& options,
                                      const VideoArguments& arguments) {
  require_video_reader();
  const Predictor predictor(checkpoint, options);
  const auto facts = wanted(predictor.facts(), arguments.modalities);
  auto recipe = recipe_for(facts, checkpoint, arguments.any_recipe);
  const auto kept = extractor_in(checkpoint);
  const auto folder = !arguments.extractor.empty() ? fs::path(arguments.extractor)
                      : kept.empty()               ? kDefaultExtractor
                                                   : kept;
  ExtractorModels models(folder, recipe, arguments.speech_model);
  models.opensmile = arguments.opensmile;
  ClipExtractor extractor(recipe, models);
  std::vector<ScoredVideo> videos;
  for (const auto& file : arguments.files) {
    auto& video = videos.emplace_back();
    video.file = file;
    video.facts = facts;
    try {
      video.clip = extractor.extract(file, 0, {});
      auto input = predictor.input_of(video.clip, fs::path(file).stem().string());
      for (const auto m : kModalities)
        if (!facts.inputs[m].is_in_use) input.leave_out(m);
      video.explanation = predictor.explain(std::span(&input, 1)).front();
    } catch (const DataError& error) {
      video.problem = error.message();
      log_warning("{}", error.message());
    }
  }
  return videos;
}

std::string videos_csv(const std::vector<ScoredVideo>& videos) {
  auto text = io::csv_line({"file", "prediction", "low", "high", "outside_range", "prediction_T", "prediction_V",
                            "prediction_A", "without_T", "without_V", "without_A", "leading_alone", "leading_removal",
                            "missing", "far_input", "transcript", "problem"});
  for (const auto& video : videos) {
    std::vector<std::string> line{video.file};
    if (video.problem.empty()) {
      const auto& explained = video.explanation;
      const auto& score = explained.clip;
      line.insert(
          line.end(),
          {fmt::format("{}", score.score), score.interval ? fmt::format("{}", float(score.interval->low)) : "",
           score.interval ? fmt::format("{}", float(score.interval->high)) : "", score.outside_range ? "true" : "false",
           shown(score.unimodal.text), shown(score.unimodal.vision), shown(score.unimodal.audio),
           shown(explained.without.text), shown(explained.without.vision), shown(explained.without.audio),
           shown(explained.leading[Evidence::unimodal]), shown(explained.leading[Evidence::removal]), missing_of(video),
           list_of(score.far_input), video.clip.transcript});
    }
    line.resize(16);
    line.push_back(video.problem);
    text += io::csv_line(line);
  }
  return text;
}

std::string videos_json(const std::vector<ScoredVideo>& videos) {
  auto list = json::array();
  for (const auto& video : videos) {
    auto& object = list.emplace_back(json{{"file", video.file}});
    if (video.problem.empty()) {
      const auto& explained = video.explanation;
      object.update(json::parse(with_video(explanations_json({explained}, /*is_list=*/false, explained.clip.seconds),
                                           video.clip, video.facts)));
    } else {
      object["problem"] = video.problem;
    }
  }
  return list.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

void require_all_scored(const std::vector<ScoredVideo>& videos) {
  const auto failed =
      std::count_if(videos.begin(), videos.end(), [](const auto& video) { return !video.problem.empty(); });
  if (failed > 0) throw DataError(fmt::format("{} of {} videos have no score", failed, videos.size()));
}

}  // namespace kuda
