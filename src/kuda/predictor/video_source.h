#pragma once
// What makes clips of videos as a checkpoint takes them: its recipe, and the weights that it keeps or that are chosen.
//
//   const auto source = video_source(predictor.facts(), "runs/mine", {}, /*any_recipe=*/false);
//   const ExtractedClip clip = source->extract("clip.mp4", 0, {});

#include <filesystem>
#include <memory>

#include "kuda/extract/clip_extractor.h"
#include "kuda/predictor/predictor.h"

namespace kuda {

/// Of the choices an empty folder means the weights that the checkpoint keeps, else the default folder. Throws as
/// require_video_reader, video_recipe, kept_recipe, ExtractorModels and ClipExtractor do.
[[nodiscard]] std::unique_ptr<ClipExtractor> video_source(const PredictorFacts& facts,
                                                          const std::filesystem::path& checkpoint,
                                                          ExtractorChoices choices, bool any_recipe);

}  // namespace kuda
