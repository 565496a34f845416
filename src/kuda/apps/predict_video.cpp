#include "kuda/apps/predict_video.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "kuda/base/error.h"
#include "kuda/base/json_lines.h"
#include "kuda/base/names.h"
#include "kuda/evaluation/score_marks.h"
#include "kuda/io/csv.h"
#include "kuda/serve/answers.h"

namespace kuda {

namespace {

using json = nlohmann::ordered_json;

std::string shown(std::optional<float> value) { return value ? fmt::format("{}", *value) : ""; }
std::string shown(const std::optional<double>& value) { return value ? fmt::format("{}", float(*value)) : ""; }
std::string shown(const std::optional<Modality>& modality) {
  return modality ? std::string(modality_name(*modality)) : "";
}

std::string list_of(const PerModality<std::string>& missing) {
  std::vector<std::string> list;
  for (const auto m : kModalities)
    if (!missing[m].empty()) list.push_back(fmt::format("{}: {}", modality_name(m), missing[m]));
  return join(list, "; ");
}

bool has_ratio(const ScoredVideo& scored) {
  const auto& ratio = scored.video.explanation.clip.ratio;
  return std::any_of(ratio.begin(), ratio.end(), [](const auto& weight) { return weight.has_value(); });
}

}  // namespace

std::vector<ScoredVideo> score_videos(const VideoPredictor& predictor, const std::vector<std::string>& files,
                                      Progress& progress) {
  std::vector<ScoredVideo> videos;
  for (const auto& file : files) {
    auto& scored = videos.emplace_back();
    scored.file = file;
    try {
      scored.video = predictor.score(file);
    } catch (const DataError& error) {
      scored.problem = error.message();
      progress.line(std::string("warning: ") + error.what());
    }
    if (files.size() > 1)
      progress.step({"videos", 0, 0, std::int64_t(videos.size()), std::int64_t(files.size()), 1, std::nan("")});
  }
  return videos;
}

std::string videos_csv(const std::vector<ScoredVideo>& videos) {
  std::vector<std::string> header{
      "file",         "prediction", "low",       "high",      "outside_range", "prediction_T",   "prediction_V",
      "prediction_A", "without_T",  "without_V", "without_A", "leading_alone", "leading_removal"};
  const bool is_weighed = std::any_of(videos.begin(), videos.end(), has_ratio);
  if (is_weighed)
    header.insert(header.end(),
                  {"leading_ratio", "ratio_T", "ratio_V", "ratio_A", "part_T", "part_V", "part_A", "correction"});
  header.insert(header.end(), {"missing", "far_input", "cut", "transcript", "problem"});
  auto text = io::csv_line(header);
  for (const auto& [file, problem, video] : videos) {
    std::vector<std::string> line{file};
    if (problem.empty()) {
      const auto& explained = video.explanation;
      const auto& score = explained.clip;
      line.insert(
          line.end(),
          {fmt::format("{}", score.score), score.interval ? fmt::format("{}", float(score.interval->low)) : "",
           score.interval ? fmt::format("{}", float(score.interval->high)) : "", score.outside_range ? "true" : "false",
           shown(score.unimodal.text), shown(score.unimodal.vision), shown(score.unimodal.audio),
           shown(explained.without.text), shown(explained.without.vision), shown(explained.without.audio),
           shown(explained.leading[Evidence::unimodal]), shown(explained.leading[Evidence::removal])});
      if (is_weighed)
        line.insert(line.end(), {shown(explained.leading[Evidence::ratio]), shown(score.ratio.text),
                                 shown(score.ratio.vision), shown(score.ratio.audio), shown(score.parts.text),
                                 shown(score.parts.vision), shown(score.parts.audio), shown(score.correction)});
      line.insert(line.end(),
                  {list_of(video.missing), names_text(score.far_input), cut_text(score.cut), video.report.transcript});
    }
    line.resize(header.size() - 1);
    line.push_back(problem);
    text += io::csv_line(line);
  }
  return text;
}

std::string videos_json(const std::vector<ScoredVideo>& videos, const PredictorFacts& facts) {
  auto list = json::array();
  for (const auto& [file, problem, video] : videos) {
    auto& object = list.emplace_back(json{{"file", file}});
    if (problem.empty()) {
      const auto& explained = video.explanation;
      object.update(json::parse(
          with_video(explanations_json({explained}, /*is_list=*/false, explained.clip.seconds), video.report, facts)));
    } else {
      object["problem"] = problem;
    }
  }
  return with_number_lists_on_one_line(list.dump(2, ' ', false, json::error_handler_t::replace)) + "\n";
}

void require_all_scored(const std::vector<ScoredVideo>& videos) {
  const auto failed =
      std::count_if(videos.begin(), videos.end(), [](const auto& video) { return !video.problem.empty(); });
  if (failed > 0) throw DataError(fmt::format("{} of {} videos have no score", failed, videos.size()));
}

}  // namespace kuda
