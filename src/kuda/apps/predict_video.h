#pragma once
// Scores of raw video: extracted by the checkpoint's own recipe, then scored and explained.

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "kuda/extract/extracted_clip.h"
#include "kuda/extract/extractor_models.h"
#include "kuda/predictor/predictor.h"
#include "kuda/predictor/video_recipe.h"

namespace kuda {

struct VideoArguments {
  std::vector<std::string> files;
  std::string extractor, speech_model;  ///< empty: the checkpoint's, else the default ones
  std::string opensmile;                ///< extractor_models.h
  std::vector<std::string> modalities;  ///< only these; empty: all that the model reads
  bool any_recipe = false;
};

struct ScoredVideo {
  std::string file;
  std::string problem;  ///< why there is no score; empty where there is one
  ExtractedClip clip;
  PredictorFacts facts;  ///< whose inputs are those that were asked for
  ClipExplanation explanation;
};

/// That of video_recipe, which says what is thrown.
[[nodiscard]] Recipe recipe_for(const PredictorFacts& facts, const std::filesystem::path& checkpoint, bool any_recipe);

/// Throws as recipe_for does; what goes wrong with one file is its `problem`.
[[nodiscard]] std::vector<ScoredVideo> score_videos(const std::filesystem::path& checkpoint,
                                                    const PredictorOptions& options, const VideoArguments& arguments);
[[nodiscard]] std::string videos_csv(const std::vector<ScoredVideo>& videos);
[[nodiscard]] std::string videos_json(const std::vector<ScoredVideo>& videos);
/// Throws DataError where one has a problem.
void require_all_scored(const std::vector<ScoredVideo>& videos);

}  // namespace kuda
