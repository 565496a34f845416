#include "kuda/predictor/video_recipe.h"

#include <fmt/format.h>

#include "kuda/base/error.h"
#include "kuda/base/names.h"
#include "kuda/extract/clip_report.h"
#include "kuda/predictor/predictor.h"

namespace kuda {

namespace fs = std::filesystem;

std::string video_recipe(const PredictorFacts& facts, const fs::path& checkpoint, bool any_recipe) {
  const bool reads_frames = facts.inputs.vision.is_in_use || facts.inputs.audio.is_in_use;
  if (facts.recipe.empty() && reads_frames && !any_recipe)
    throw CheckpointError(
        fmt::format("{}: the model was trained on features that kuda did not make from video (data: '{}')",
                    checkpoint.string(), facts.data),
        "train on `kuda data extract` and `kuda data pack`; --modalities T scores the words alone");
  return facts.recipe;
}

fs::path extractor_in(const fs::path& checkpoint) {
  for (const auto& place : {checkpoint / "extractor", checkpoint / "model" / "extractor"})
    if (fs::is_directory(place)) return place;
  return {};
}

PerModality<std::string> missing_in(const ClipReport& clip, const PredictorFacts& facts) {
  PerModality<std::string> missing;
  for (const auto m : kModalities) missing[m] = facts.inputs[m].is_in_use ? clip.facts.missing[m] : "not read";
  return missing;
}

void require_something(const ClipInput& input, const ClipReport& clip, const PredictorFacts& facts,
                       const std::string& name) {
  std::vector<std::string> reasons;
  for (const auto m : kModalities) {
    if (!facts.inputs[m].is_in_use) continue;
    if (input.has(m)) return;
    const auto& missing = clip.facts.missing[m];
    reasons.push_back(fmt::format("{}: {}", modality_name(m), missing.empty() ? "it was left out" : missing));
  }
  throw DataError(name + ": nothing is left that the model reads: " + join(reasons, "; "));
}

}  // namespace kuda
