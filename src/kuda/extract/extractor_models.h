#pragma once
// The weights that a recipe needs, in a folder that scripts/setup.sh --extractor makes:
//   face/ (detector, mesh, blendshapes), voice_activity.safetensors, whisper-tiny.en/ (Hugging Face layout).

#include <filesystem>
#include <string>

#include "kuda/extract/recipe.h"

namespace kuda {

inline constexpr const char* kDefaultExtractor = "extractors/default";

/// Where somebody says that they lie.
struct ExtractorChoices {
  std::filesystem::path folder{};     ///< empty: kDefaultExtractor
  std::filesystem::path speech{};     ///< a Whisper folder in the place of that in `folder`; empty: none
  std::filesystem::path opensmile{};  ///< `opensmile/core` of its Python package, for columns of eGeMAPSv02 alone
};

/// The recipe to make new features by. A recogniser that is chosen stands in the place of the default one: its SHA-256
/// is then filled in, not asked for.
[[nodiscard]] Recipe chosen_recipe(Recipe recipe, const ExtractorChoices& choices);

/// The recipe that data or a checkpoint keep (TOML), to make more features like theirs: all of its weights are asked
/// for. Empty, which is that of a model of words alone whose data came from no video, stands for the default recipe,
/// chosen anew. `source` stands for it in messages; throws ConfigError.
[[nodiscard]] Recipe kept_recipe(const std::string& toml, const std::string& source, const ExtractorChoices& choices);

struct ExtractorModels {
  std::filesystem::path face, voice_activity, speech, opensmile;

  /// Looks for them, computes their SHA-256 and fills those that the recipe leaves empty, and the names of all states
  /// of the recogniser in the place of the column "whisper". Throws DataError for what is not there, with how to get
  /// it, and for files of another SHA-256 than the recipe's. OpenSMILE is not looked for here (audio_rows.h).
  ExtractorModels(const ExtractorChoices& choices, Recipe& recipe);
};

/// Puts the weights into a folder under the names above, as hard links where the file system has them, else as copies
/// that are there as a whole or not at all: a checkpoint that holds them needs nothing else. What is there already
/// stays.
void keep_models(const ExtractorModels& models, const std::filesystem::path& folder);

/// The folder holds weights under all of these names, as keep_models leaves it; nothing is read.
[[nodiscard]] bool holds_models(const std::filesystem::path& folder);

/// SHA-256 over names and bytes of the weights and descriptions (.safetensors, .json, .txt) of a folder, or of a file.
[[nodiscard]] std::string digest_of_models(const std::filesystem::path& path);

}  // namespace kuda
