// The module kuda._video: raw video to features. It is a part of its own, because it brings FFmpeg's libraries, which
// nothing else needs or should wait for. python/kuda/video.py is what people call.

#include <mutex>

#include "kuda/bindings/python.h"
#include "kuda/extract/clip_extractor.h"
#include "kuda/extract/clip_facts_json.h"
#include "kuda/io/array.h"

namespace kuda::bindings {
namespace {

namespace fs = std::filesystem;

/// A ClipExtractor that threads may share: they wait for each other.
class Extractor {
 public:
  Extractor(Recipe recipe, const ExtractorChoices& choices)
      : recipe_(std::move(recipe)), models_(choices, recipe_), clips_(recipe_, models_) {}

  [[nodiscard]] const Recipe& recipe() const noexcept { return recipe_; }
  [[nodiscard]] ExtractedClip extract(const fs::path& file, double begin, std::optional<double> end) {
    const std::lock_guard lock(working_);
    return clips_.extract(file, begin, end);
  }

 private:
  Recipe recipe_;
  ExtractorModels models_;  // fills the recipe's SHA-256
  ClipExtractor clips_;
  std::mutex working_;
};

/// `is_kept`: the recipe is that of a checkpoint, whose features those of videos must be like.
std::unique_ptr<Extractor> make(const fs::path& folder, const std::string& recipe, const std::string& source,
                                const fs::path& speech_model, bool is_kept) {
  return without_gil([&] {
    require_video_reader();
    const ExtractorChoices choices{.folder = folder, .speech = speech_model};
    return std::make_unique<Extractor>(
        is_kept ? kept_recipe(recipe, source, choices) : chosen_recipe(Recipe::parse(recipe, source), choices),
        choices);
  });
}

py::object array_or_none(const std::optional<io::Array>& array) {
  return array ? py::object(array_of(*array)) : py::object(py::none());
}

py::dict extract(Extractor& extractor, const fs::path& file, double begin, std::optional<double> end) {
  const auto clip = without_gil([&] { return extractor.extract(file, begin, end); });
  py::dict made;
  made["vision"] = array_or_none(clip.vision);
  made["audio"] = array_or_none(clip.audio);
  made["facts"] = facts_json(clip).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return made;
}

}  // namespace

PYBIND11_MODULE(_video, module) {
  translate_errors();
  bind_log(module);
  py::class_<Extractor>(module, "Extractor")
      .def(py::init(&make), py::arg("folder"), py::arg("recipe"), py::arg("source"), py::arg("speech_model"),
           py::arg("is_kept"))
      .def_property_readonly("recipe", [](const Extractor& extractor) { return extractor.recipe().to_toml(); })
      .def_property_readonly("columns",
                             [](const Extractor& extractor) {
                               py::dict columns;
                               columns["vision"] = extractor.recipe().vision.columns;
                               columns["audio"] = extractor.recipe().audio.columns;
                               return columns;
                             })
      .def("extract", &extract, py::arg("file"), py::arg("begin"), py::arg("end"));
}

}  // namespace kuda::bindings
