#pragma once
// How raw video becomes features: every constant, every column by name, every model by its SHA-256. The features of two
// recipes cannot be compared, so a recipe travels with the data and with what is trained on them.
//
//   Recipe recipe = Recipe::load("mine.toml");                        // empty path: the default one
//   const ExtractorModels models({}, recipe);                         // extractor_models.h: checks or fills in SHA-256
//   recipe.fingerprint();                                             // names what was done

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "kuda/config/config.h"

namespace kuda {

struct VisionRecipe {
  double frames_per_second = 10;
  std::int64_t longest_side = 640;
  double redetect_seconds = 1, minimum_score = 0.5;
  std::int64_t most_faces = 4;
  std::vector<std::string> columns;  ///< of extract/face, in this order
  void describe(Fields& fields);
};

struct AudioRecipe {
  double frames_per_second = 100;
  std::int64_t sample_rate = 16000;
  double lowest_pitch = 60, highest_pitch = 500;
  double silence_threshold = 0.03, voicing_threshold = 0.45;  ///< of the pitch path (extract/voice)
  double octave_cost = 0.01, octave_jump_cost = 0.35, voiced_unvoiced_cost = 0.14;
  std::vector<std::string> columns;  ///< audio_columns.h, in this order
  void describe(Fields& fields);
};

/// What is said where nobody wrote it down (extract/speech).
struct TextRecipe {
  double threshold = 0.5, release = 0.35, shortest_speech = 0.25, shortest_silence = 0.25, padding = 0.1;
  std::string language;  ///< of a multilingual recogniser; empty: it hears which one
  void describe(Fields& fields);
};

/// SHA-256 of the files that are used (digest_of_models in extractor_models.h), of those that scripts/setup.sh
/// --extractor makes; empty: any.
struct ModelDigests {
  std::string face = "9551f287e98081784508e0e9caea2793b97aa491fb05da009270824ce053bdf7";
  std::string voice_activity = "0c5a17367ca85c0e04598a2a9d78cad373bff59660928ec683b97fa4a9b9c908";
  std::string speech = "e93904e687a7a8417719c7eb37c45024560d66c5b6ae2bb6831ffae159a699d0";
  void describe(Fields& fields);
};

struct Recipe {
  /// Of the code behind the features: other numbers, another version. Of version 1, a sentence that the recogniser
  /// wrote down twice stays twice.
  std::int64_t version = 2;
  VisionRecipe vision;
  AudioRecipe audio;
  TextRecipe text;
  ModelDigests models;

  /// With every column and the weights of scripts/setup.sh.
  Recipe();
  /// The default recipe with what the file says. Throws ConfigError naming file, line and key.
  [[nodiscard]] static Recipe load(const std::filesystem::path& path);
  [[nodiscard]] static Recipe parse(const std::string& toml, const std::string& source);
  [[nodiscard]] Schema schema();  ///< over the members of this object
  /// The canonical text: every key in its order, numbers in their shortest form.
  [[nodiscard]] std::string to_toml(bool with_help = false) const;
  [[nodiscard]] std::string fingerprint() const;  ///< SHA-256 of the canonical text
};

}  // namespace kuda
