#pragma once
// The recipe by which kuda made features from raw video (extract/recipe.h) lies beside them in a prepared folder. To
// the rooms that know no video it is a text that is equal or is not.

#include <filesystem>
#include <string>

#include "kuda/data/dataset.h"

namespace kuda {

inline constexpr const char* kRecipeFile = "recipe.toml";

/// What Feature::extractor says of such features: "kuda data extract, recipe 0123456789abcdef".
[[nodiscard]] std::string extractor_name(const std::string& recipe_fingerprint);

/// The text of the recipe of an opened prepared folder; empty for data that kuda did not extract.
[[nodiscard]] std::string recipe_of(const Dataset& dataset);
[[nodiscard]] std::string recipe_in(const std::filesystem::path& folder);  ///< the same of what lies there

/// Rows a second of vision or audio, by the text of a recipe. Throws ConfigError where it does not say.
[[nodiscard]] double recipe_rate(const std::string& recipe, Modality modality);

/// "vision.frames_per_second is 10.0 here and 25.0 there; ...": the first few keys in which two recipes differ. An
/// empty text is a recipe without keys.
[[nodiscard]] std::string recipe_differences(const std::string& here, const std::string& there);

}  // namespace kuda
