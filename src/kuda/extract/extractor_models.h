#pragma once
// The weights that a recipe needs, in a folder that scripts/setup.sh --extractor makes:
//   face/ (detector, mesh, blendshapes), voice_activity.safetensors, whisper-tiny.en/ (Hugging Face layout).

#include <filesystem>

#include "kuda/extract/recipe.h"

namespace kuda {

inline constexpr const char* kDefaultExtractor = "extractors/default";

struct ExtractorModels {
  std::filesystem::path face, voice_activity, speech;
  /// The folder `opensmile/core` of its Python package, which only columns of eGeMAPSv02 need; empty: none.
  std::filesystem::path opensmile{};

  /// Looks for them, computes their SHA-256 and fills those that the recipe leaves empty, and the names of all states
  /// of the recogniser in the place of the column "whisper". `speech_folder`: another
  /// recogniser than the folder's. Throws DataError for what is not there, with how to get it, and for files of another
  /// SHA-256 than the recipe's.
  ExtractorModels(const std::filesystem::path& folder, Recipe& recipe, const std::filesystem::path& speech_folder = {});
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
