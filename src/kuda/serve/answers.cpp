#include "kuda/serve/answers.h"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "kuda/base/error.h"
#include "kuda/base/json_number.h"
#include "kuda/data/modality_json.h"
#include "kuda/extract/clip_facts_json.h"
#include "kuda/predictor/video_recipe.h"
#include "kuda/serve/batcher.h"

namespace kuda {
namespace {

using json = nlohmann::ordered_json;

/// A message may hold bytes of a request that are no UTF-8: they are replaced.
std::string dumped(const json& object) { return object.dump(-1, ' ', false, json::error_handler_t::replace) + "\n"; }

json score_object(const ClipScore& clip) {
  json object{{"id", clip.id},
              {"score", json_number(clip.score)},
              {"outside_range", clip.outside_range},
              {"unimodal", by_modality(clip.unimodal)},
              {"far_input", by_modality(clip.far_input)}};
  object["interval"] = nullptr;
  if (clip.interval)
    object["interval"] = {{"level", clip.interval->level},
                          {"low", json_number(float(clip.interval->low))},
                          {"high", json_number(float(clip.interval->high))}};
  object["ratio"] = by_modality(clip.ratio);
  object["parts"] = parts_json(clip.parts, clip.correction);
  object["leading"][evidence_name(Evidence::unimodal)] = name_or_null(clip.leading);
  object["cut"] = cut_json(clip.cut);
  return object;
}

json attention_rows(const ClipExplanation::Attention& map) {
  auto rows = json::array();
  for (std::int64_t row = 0; row < map.rows; ++row) {
    auto& line = rows.emplace_back(json::array());
    for (std::int64_t column = 0; column < map.columns; ++column)
      line.push_back(json_number(map.weights[static_cast<std::size_t>(row * map.columns + column)]));
  }
  return rows;
}

json explanation_object(const ClipExplanation& clip) {
  auto object = score_object(clip.clip);
  for (const auto evidence : kEvidence)
    object["leading"][evidence_name(evidence)] = name_or_null(clip.leading[evidence]);
  object["without"] = by_modality(clip.without);
  object["share"] = by_modality(clip.share);
  object["tokens"] = clip.tokens.empty() ? json(nullptr) : json(clip.tokens);
  for (const auto modality : kModalities) {
    const auto& map = clip.attention[modality];
    object["attention"][std::string(modality_name(modality))] = map ? attention_rows(*map) : json(nullptr);
  }
  return object;
}

json data_clip_object(const DataClip& clip) {
  json object{{"id", clip.id}, {"split", clip.split}, {"text", clip.text}, {"label", json_value(clip.label)}};
  object["labels"] = by_modality(clip.unimodal_labels);
  return object;
}

/// Times and places, to a thousandth: as exact as they are.
json rounded(double value) { return json_number(float(std::round(value * 1000) / 1000)); }

/// What the model reads and the clip lacks, with the reason.
json missing_json(const ClipReport& clip, const PredictorFacts& facts) {
  auto missing = json::object();
  const auto why = missing_in(clip, facts);
  for (const auto m : kModalities)
    if (!why[m].empty()) missing[std::string(modality_name(m))] = why[m];
  return missing;
}

json boxes_json(const std::vector<FaceBox>& boxes) {
  auto rows = json::array();
  for (const auto& box : boxes)
    rows.push_back({rounded(box.time), rounded(box.left), rounded(box.top), rounded(box.width), rounded(box.height)});
  return rows;
}

template <class Clip, class ToJson>
std::string as_answer(const std::vector<Clip>& clips, bool is_list, double seconds, ToJson to_json) {
  json answer;
  if (is_list) {
    answer["clips"] = json::array();
    for (const auto& clip : clips) answer["clips"].push_back(to_json(clip));
  } else {
    answer = to_json(clips.front());
  }
  answer["seconds"] = seconds;
  return dumped(answer);
}

}  // namespace

std::string with_video(const std::string& answer, const ClipReport& clip, const PredictorFacts& facts) {
  auto object = json::parse(answer);
  auto& video = object["video"] = facts_json(clip);
  video["missing"] = missing_json(clip, facts);
  video["face_boxes"] = boxes_json(clip.face_boxes);
  return dumped(object);
}

std::string part_json(const TimelinePart& part, const std::optional<ClipScore>& score, const PredictorFacts& facts) {
  ClipScore none;
  none.score = std::numeric_limits<float>::quiet_NaN();  // null in JSON
  const auto scored = score_object(score.value_or(none));
  json object{{"begin", rounded(part.begin)},
              {"end", rounded(part.end)},
              {"text", part.clip.transcript},
              {"missing", missing_json(part.clip, facts)}};
  for (const char* name : {"score", "outside_range", "unimodal", "interval"}) object[name] = scored.at(name);
  return dumped(object);
}

std::string progress_json(double seconds) { return dumped({{"seconds", rounded(seconds)}}); }

std::string timeline_end_json(std::size_t parts, std::size_t scored, double seconds) {
  return dumped({{"parts", parts}, {"scored", scored}, {"seconds", seconds}});
}

std::string scores_json(const std::vector<ClipScore>& scores, bool is_list, double seconds) {
  return as_answer(scores, is_list, seconds, score_object);
}

std::string explanations_json(const std::vector<ClipExplanation>& explanations, bool is_list, double seconds) {
  return as_answer(explanations, is_list, seconds, explanation_object);
}

std::string clips_json(const FoundClips& found) {
  json object{{"total", found.total}, {"clips", json::array()}};
  for (const auto* clip : found.clips) object["clips"].push_back(data_clip_object(*clip));
  return dumped(object);
}

std::string nearest_json(const ClipInput& clip, const std::vector<Neighbour>& nearest,
                         const std::vector<DataClip>& clips, std::size_t compared, double seconds) {
  json object{{"id", clip.id.empty() ? clip.clip : clip.id}, {"nearest", json::array()}};
  for (const auto& [position, distance] : nearest) {
    auto& entry = object["nearest"].emplace_back(data_clip_object(clips[position]));
    entry["distance"] = json_number(float(distance));
  }
  object["clips"] = compared;
  object["seconds"] = seconds;
  return dumped(object);
}

std::string model_json(const PredictorFacts& facts, const ClipLimits& limits, std::size_t body_bytes,
                       const VideoOffer& videos) {
  json object{{"model", facts.model},         {"task", facts.task},
              {"data", facts.data},           {"is_synthetic", facts.is_synthetic},
              {"score_low", facts.score_low}, {"score_high", facts.score_high},
              {"epoch", facts.epoch},         {"epochs", facts.epochs},
              {"select", facts.select},       {"text", facts.text}};
  for (const auto modality : kModalities) {
    const auto& input = facts.inputs[modality];
    auto& entry = object["inputs"][std::string(modality_name(modality))];
    entry = nullptr;
    if (input.is_in_use) entry = {{"width", input.width}, {"length", input.length}};
  }
  object["interval"] = nullptr;
  if (facts.calibration_clips > 0)
    object["interval"] = {{"level", facts.level},
                          {"form", std::string(interval_form_name(facts.form))},
                          {"clips", facts.calibration_clips}};
  object["clips"] = nullptr;
  if (facts.clips)
    object["clips"] = {{"data", facts.clips->name},
                       {"is_synthetic", facts.clips->is_synthetic},
                       {"is_training_data", facts.clips->is_training_data},
                       {"train", facts.clips->clips[0]},
                       {"valid", facts.clips->clips[1]},
                       {"test", facts.clips->clips[2]}};
  object["limits"] = {{"clips", limits.clips},
                      {"frames", limits.frames},
                      {"text_bytes", limits.text_bytes},
                      {"body_bytes", body_bytes}};
  object["video"] = {{"most_seconds", videos.most_seconds}, {"why_none", nullptr}};
  if (!videos.why_none.empty()) object["video"] = {{"most_seconds", 0}, {"why_none", videos.why_none}};
  object["versions"] = facts.versions;
  return dumped(object);
}

std::string error_json(const std::string& message, const std::string& hint) {
  return dumped({{"error", {{"message", message}, {"hint", hint}}}});
}

ErrorAnswer answer_to(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const Busy& busy) {
    return {503, busy.message(), busy.hint(), {}};
  } catch (const ClientGone& gone) {
    return {499, gone.message(), gone.hint(), {}};
  } catch (const TimedOut& late) {
    return {503, late.message(), late.hint(), {}};
  } catch (const NoSuchClip& absent) {
    return {404, absent.message(), absent.hint(), {}};
  } catch (const DataError& data) {
    return {400, data.message(), data.hint(), {}};
  } catch (const ConfigError& config) {
    return {400, config.message(), config.hint(), {}};
  } catch (const UsageError& usage) {
    return {400, usage.message(), usage.hint(), {}};
  } catch (const Error& other) {  // for example a score that is not finite: it names the clip, so it is not logged
    return {500, other.message(), other.hint(), {}};
  } catch (const std::exception& defect) {
    return {500, "unexpected error, please report it", "", defect.what()};
  } catch (...) {
    return {500, "unexpected error, please report it", "", "an exception of unknown type"};
  }
}

}  // namespace kuda
