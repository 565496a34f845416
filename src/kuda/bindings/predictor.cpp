// A checkpoint in use. Clips come as dicts that python/kuda/predictor.py has made, with arrays that are float32
// already.

#include "kuda/predictor/predictor.h"
#include "kuda/bindings/modules.h"
#include "kuda/extract/extracted_clip.h"
#include "kuda/predictor/video_recipe.h"

namespace kuda::bindings {
namespace {

namespace fs = std::filesystem;

/// The values stay where they are, in an array of float32 that is kept.
Frames frames_of(const py::handle& value, const char* name) {
  using Array = py::array_t<float, py::array::c_style>;
  if (!py::isinstance<Array>(value)) throw ShapeError(std::string(name) + ": expected a float32 array in C order");
  const auto array = py::reinterpret_borrow<Array>(value);
  if (array.ndim() != 2) throw ShapeError(std::string(name) + ": expected [frames, width]");
  const std::shared_ptr<const void> owner(array.ptr(), [kept = array](const void*) mutable {
    const py::gil_scoped_acquire lock;
    kept.release().dec_ref();
  });
  return {std::span(array.data(), static_cast<std::size_t>(array.size())), array.shape(1), owner};
}

ClipInput clip_of(const py::dict& given) {
  ClipInput clip;
  for (const auto& [key, value] : given) {
    const auto name = key.cast<std::string>();
    if (value.is_none()) continue;
    if (name == "id")
      clip.id = value.cast<std::string>();
    else if (name == "text")
      clip.text = value.cast<std::string>();
    else if (name == "token_ids")
      clip.token_ids = value.cast<std::vector<std::int64_t>>();
    else if (name == "clip")
      clip.clip = value.cast<std::string>();
    else if (name == "without")
      for (const auto& modality : value.cast<std::vector<std::string>>()) clip.leave_out(modality_from(modality));
    else if (name == "text_features")
      clip.text_features = frames_of(value, "text_features");
    else if (name == "vision")
      clip.vision = frames_of(value, "vision");
    else
      clip.audio = frames_of(value, "audio");
  }
  return clip;
}

std::vector<ClipInput> clips_of(const std::vector<py::dict>& given) {
  std::vector<ClipInput> clips;
  clips.reserve(given.size());
  for (const auto& clip : given) clips.push_back(clip_of(clip));
  return clips;
}

std::optional<io::Array> as_array(const std::optional<Frames>& frames) {
  if (!frames) return std::nullopt;
  io::Array array;
  array.shape = {frames->length(), frames->width};
  array.strides = io::contiguous_strides(array.shape);
  array.data = reinterpret_cast<const std::byte*>(frames->values.data());
  array.owner = frames->owner;
  return array;
}

using Words = std::vector<std::tuple<std::string, double, double>>;

/// A clip that kuda._video extracted: its transcript as text, its frames, and its words with their seconds.
ClipInput video_input(const Predictor& predictor, ClipInput given, const Words& words) {
  ExtractedClip clip;
  clip.transcript = given.text.value_or("");
  clip.vision = as_array(given.vision);
  clip.audio = as_array(given.audio);
  for (const auto& [text, begin, end] : words) clip.words.push_back({text, begin, end, 0});
  auto input = predictor.input_of(clip, given.id);
  input.without = given.without;
  return input;
}

py::dict facts_of(const ClipScore& score) {
  py::dict facts;
  facts["id"] = text_of(score.id);
  facts["score"] = score.score;
  facts["interval"] = py::none();
  if (score.interval)
    facts["interval"] = py::make_tuple(score.interval->low, score.interval->high, score.interval->level);
  facts["unimodal"] = by_modality(score.unimodal);
  facts["ratio"] = by_modality(score.ratio);
  facts["parts"] = by_modality(score.parts);
  facts["correction"] = or_none(score.correction);
  facts["leading"] = or_none(score.leading);
  facts["outside_range"] = score.outside_range;
  facts["far_input"] = by_modality(score.far_input, [](bool is_far) { return py::bool_(is_far); });
  facts["cut"] = by_modality(score.cut, [](const std::optional<Cut>& cut) {
    return cut ? py::object(py::make_tuple(cut->from, cut->to)) : py::object(py::none());
  });
  facts["seconds"] = score.seconds;
  return facts;
}

py::dict facts_of(const ClipExplanation& why) {
  py::dict facts;
  facts["score"] = facts_of(why.clip);
  facts["without"] = by_modality(why.without);
  facts["share"] = by_modality(why.share);
  for (const auto evidence : kEvidence)
    facts[fmt::format("by_{}", evidence_name(evidence)).c_str()] = or_none(why.leading[evidence]);
  facts["attention"] =
      by_modality(why.attention, [](const std::optional<ClipExplanation::Attention>& map) -> py::object {
        if (!map) return py::none();
        return py::array_t<float>({map->rows, map->columns}, map->weights.data());
      });
  py::list tokens;
  for (const auto& token : why.tokens) tokens.append(text_of(token));
  facts["tokens"] = tokens;
  return facts;
}

py::dict facts_of(const PredictorFacts& from) {
  py::dict facts;
  facts["model"] = from.model;
  facts["task"] = from.task;
  facts["text"] = from.text;
  facts["inputs"] = by_modality(from.inputs, [](const InputFacts& input) -> py::object {
    if (!input.is_in_use) return py::none();
    py::dict size;
    size["width"] = input.width;
    size["length"] = input.length;
    return std::move(size);
  });
  facts["score_range"] = py::make_tuple(from.score_low, from.score_high);
  facts["data"] = text_of(from.data);
  facts["is_synthetic"] = from.is_synthetic;
  facts["recipe"] = text_of(from.recipe);
  facts["epoch"] = from.epoch;
  facts["epochs"] = from.epochs;
  facts["select"] = from.select;
  facts["calibration_clips"] = from.calibration_clips;
  facts["level"] = from.level;
  facts["versions"] = from.versions;
  return facts;
}

template <class T>
py::list list_of(const std::vector<T>& values) {
  py::list list;
  for (const auto& value : values) list.append(facts_of(value));
  return list;
}

std::shared_ptr<Predictor> make(const fs::path& folder, const std::string& device, const std::string& precision,
                                std::int64_t batch_size, double level, const std::string& interval,
                                const fs::path& data) {
  return without_gil([&] {
    return std::make_shared<Predictor>(
        folder, PredictorOptions{device, precision, batch_size, level, interval_form_from(interval), data});
  });
}

std::string recipe_of(const Predictor& predictor, const fs::path& folder, const std::vector<std::string>& without,
                      bool any_recipe) {
  auto facts = predictor.facts();
  for (const auto& modality : without) facts.inputs[modality_from(modality)].is_in_use = false;
  return video_recipe(facts, folder, any_recipe);
}

}  // namespace

void bind_predictor(py::module_& module) {
  module.def(
      "extractor_in", [](const fs::path& folder) { return extractor_in(folder).string(); }, py::arg("folder"));
  py::class_<Predictor, std::shared_ptr<Predictor>>(module, "Predictor")
      .def(py::init(&make), py::arg("folder"), py::arg("device"), py::arg("precision"), py::arg("batch_size"),
           py::arg("level"), py::arg("interval"), py::arg("data"))
      .def_property_readonly("facts", [](const Predictor& predictor) { return facts_of(predictor.facts()); })
      .def("video_recipe", &recipe_of, py::arg("folder"), py::arg("without"), py::arg("any_recipe"))
      .def_property_readonly("clips",
                             [](const Predictor& predictor) {
                               py::list ids;
                               for (const auto& clip : predictor.clips()) ids.append(text_of(clip.id));
                               return ids;
                             })
      .def(
          "score",
          [](const Predictor& predictor, const std::vector<py::dict>& given) {
            const auto clips = clips_of(given);
            return list_of(without_gil([&] { return predictor.score(std::span(clips)); }));
          },
          py::arg("clips"))
      .def(
          "explain",
          [](const Predictor& predictor, const std::vector<py::dict>& given, bool attention) {
            const auto clips = clips_of(given);
            return list_of(without_gil([&] { return predictor.explain(std::span(clips), attention); }));
          },
          py::arg("clips"), py::arg("attention"))
      .def(
          "explain_video",
          [](const Predictor& predictor, const py::dict& given, const Words& words) {
            const auto clip = clip_of(given);
            return facts_of(without_gil([&] {
              const auto input = video_input(predictor, clip, words);
              return predictor.explain(std::span(&input, 1)).front();
            }));
          },
          py::arg("clip"), py::arg("words"))
      .def(
          "features",
          [](const Predictor& predictor, const std::vector<py::dict>& given) {
            const auto clips = clips_of(given);
            const auto rows = without_gil([&] { return predictor.features(std::span(clips)); });
            const auto width = rows.empty() ? 0 : rows.front().size();
            py::array_t<float> values({rows.size(), width});
            for (std::size_t i = 0; i < rows.size(); ++i)
              std::copy(rows[i].begin(), rows[i].end(), values.mutable_data() + i * width);
            return values;
          },
          py::arg("clips"));
}

}  // namespace kuda::bindings
