#pragma once
// Raw video to features in this process, by a recipe: faces, voice and words on one clock.
//
//   Recipe recipe = Recipe::load("");
//   const ExtractorModels models({.folder = "extractors/default"}, recipe);
//   ClipExtractor extractor(recipe, models);                          // loads 85 MB of weights
//   const ExtractedClip clip = extractor.extract("clip.mp4", 0, {});
//
// One thread at a time. Files are decoded in a process of their own (media/guarded.h).

#include <memory>

#include "kuda/extract/clip_source.h"
#include "kuda/extract/extractor_models.h"
#include "kuda/extract/recipe.h"

namespace kuda {

/// Throws DataError where kuda was built without FFmpeg's libraries.
void require_video_reader();

class ClipExtractor final : public ClipSource {
 public:
  /// Throws as require_video_reader, and what the readers of the weights throw.
  ClipExtractor(Recipe recipe, const ExtractorModels& models);
  ~ClipExtractor() override;
  /// Throws DataError naming the file: nothing of it can be decoded, or nothing lies in that part.
  [[nodiscard]] ExtractedClip extract(const std::filesystem::path& file, double begin,
                                      std::optional<double> end) override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kuda
