#pragma once
// By which recipe a trained model takes raw video, and what of a video it gets. Extraction itself is extract/, which
// this needs not be linked to; video_source.h puts both together. No LibTorch.

#include <filesystem>
#include <string>

#include "kuda/data/modality.h"

namespace kuda {

struct ClipInput;
struct ClipReport;
struct PredictorFacts;

/// As TOML: the checkpoint's own. Empty, which kept_recipe (extract/extractor_models.h) takes for the default one,
/// where a model that reads nothing but words has none. Throws CheckpointError for a model that reads features which
/// kuda did not make from video, unless `any_recipe`.
[[nodiscard]] std::string video_recipe(const PredictorFacts& facts, const std::filesystem::path& checkpoint,
                                       bool any_recipe);

/// The weights of that recipe which a checkpoint, or a run folder, keeps; empty where there are none.
[[nodiscard]] std::filesystem::path extractor_in(const std::filesystem::path& checkpoint);

/// Why the model gets nothing of a modality, in words; empty where it gets it.
[[nodiscard]] PerModality<std::string> missing_in(const ClipReport& clip, const PredictorFacts& facts);

/// Throws DataError where nothing of a video is left for the model, with the reasons. `name` stands for the video.
void require_something(const ClipInput& input, const ClipReport& clip, const PredictorFacts& facts,
                       const std::string& name);

}  // namespace kuda
