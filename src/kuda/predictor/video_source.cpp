#include "kuda/predictor/video_source.h"

#include "kuda/predictor/video_recipe.h"

namespace kuda {

std::unique_ptr<ClipExtractor> video_source(const PredictorFacts& facts, const std::filesystem::path& checkpoint,
                                            ExtractorChoices choices, bool any_recipe) {
  require_video_reader();
  auto recipe = kept_recipe(video_recipe(facts, checkpoint, any_recipe),
                            (checkpoint / "config.json").string() + ": recipe", choices);
  if (choices.folder.empty()) choices.folder = extractor_in(checkpoint);
  const ExtractorModels models(choices, recipe);
  return std::make_unique<ClipExtractor>(recipe, models);
}

}  // namespace kuda
