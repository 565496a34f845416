#include "kuda/extract/recipe.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/base/names.h"
#include "kuda/extract/audio_columns.h"
#include "kuda/extract/face/face.h"
#include "kuda/extract/voice/voice.h"

namespace kuda {
namespace {

/// Throws ConfigError for a column that does not exist, one that comes twice, and none at all.
void check_columns(const std::vector<std::string>& columns, const std::vector<std::string>& known,
                   const std::string& where) {
  if (columns.empty()) throw ConfigError(where + ": expected at least one column, found none");
  std::set<std::string> seen;
  for (const auto& column : columns) {
    if (std::find(known.begin(), known.end(), column) == known.end())
      throw ConfigError(where + ": unknown column '" + column + "'", suggestion(column, known));
    if (!seen.insert(column).second) throw ConfigError(where + ": column '" + column + "' comes twice");
  }
}

Recipe resolve(const ConfigFile& file, const std::string& source) {
  Recipe recipe;
  file.apply(recipe.schema());
  if (recipe.audio.highest_pitch <= recipe.audio.lowest_pitch)
    throw ConfigError(fmt::format("{}: audio.highest_pitch: expected more than lowest_pitch ({} Hz), found {}", source,
                                  recipe.audio.lowest_pitch, recipe.audio.highest_pitch));
  check_columns(recipe.vision.columns, face_columns(), source + ": vision.columns");
  recipe.audio.columns = checked_audio_columns(recipe.audio.columns, source + ": audio.columns");
  return recipe;
}

}  // namespace

void VisionRecipe::describe(Fields& fields) {
  fields.add("frames_per_second", frames_per_second, "pictures that are looked at, and rows of the vision features",
             between(0.1, 100));
  fields.add("longest_side", longest_side, "pictures are scaled down to this many pixels on their longer side",
             between(64, 4096));
  fields.add("redetect_seconds", redetect_seconds, "a face that is followed is looked for anew after this time",
             between(0.05, 60));
  fields.add("minimum_score", minimum_score, "what the detector is less sure of is no face", between(0, 1));
  fields.add("most_faces", most_faces, "faces that are followed at a time", between(1, 16));
  fields.add("columns", columns, "columns of the vision features, in this order");
}

void AudioRecipe::describe(Fields& fields) {
  fields.add("frames_per_second", frames_per_second, "rows of the audio features", between(1, 1000));
  fields.add("sample_rate", sample_rate, "of the sound, in Hz; the models take 16000", between(16000, 16000));
  fields.add("lowest_pitch", lowest_pitch, "of a voice, in Hz", between(20, 1000));
  fields.add("highest_pitch", highest_pitch, "of a voice, in Hz", between(20, 2000));
  fields.add("silence_threshold", silence_threshold, "of the loudest sample near it: softer sound is hardly a voice",
             between(0, 1));
  fields.add("voicing_threshold", voicing_threshold, "autocorrelation that a voice needs", between(0, 1));
  fields.add("octave_cost", octave_cost, "of a pitch path, for each octave that a candidate is lower", between(0, 10));
  fields.add("octave_jump_cost", octave_jump_cost, "of a pitch path, for each octave between neighbours",
             between(0, 10));
  fields.add("voiced_unvoiced_cost", voiced_unvoiced_cost, "of a pitch path, where a voice begins or ends",
             between(0, 10));
  fields.add("columns", columns,
             "columns of the audio features, in this order; voice, whisper and egemaps stand for all of theirs");
}

void TextRecipe::describe(Fields& fields) {
  fields.add("threshold", threshold, "speech begins at this probability", between(0, 1));
  fields.add("release", release, "speech goes on above this probability", between(0, 1));
  fields.add("shortest_speech", shortest_speech, "shorter sounds are no speech, in seconds", between(0, 10));
  fields.add("shortest_silence", shortest_silence, "shorter pauses do not divide speech, in seconds", between(0, 10));
  fields.add("padding", padding, "seconds added on both sides of speech", between(0, 1));
  fields.add(
      "language", language,
      "of a multilingual recogniser, such as zh; zh-Hans and zh-Hant: Chinese in simplified or traditional characters; "
      "empty: it hears which one it is");
}

void ModelDigests::describe(Fields& fields) {
  fields.add("face", face,
             "SHA-256 of the files that find and measure faces (Google's, Apache-2.0); empty: those of the folder");
  fields.add("voice_activity", voice_activity,
             "SHA-256 of the file that finds speech (silero, MIT); empty: that of the folder");
  fields.add("speech", speech,
             "SHA-256 of the files that write speech down (Whisper tiny.en, MIT); empty: those of the folder");
}

Recipe::Recipe() {
  vision.columns = face_columns();
  audio.columns = voice_columns();
}

Schema Recipe::schema() {
  Schema schema;
  Fields top;
  top.add("version", version,
          "of the code behind the features; 1 keeps a sentence twice that the recogniser wrote twice", between(1, 2));
  schema.add("", "how kuda makes features from raw video", std::move(top));
  const auto add = [&](const std::string& name, const std::string& help, auto& section) {
    Fields fields;
    section.describe(fields);
    schema.add(name, help, std::move(fields));
  };
  add("vision", "faces", vision);
  add("audio", "the voice", audio);
  add("text", "speech that is written down", text);
  add("models", "the weights", models);
  return schema;
}

Recipe Recipe::load(const std::filesystem::path& path) {
  return path.empty() ? Recipe() : resolve(ConfigFile::load(path), path.string());
}

Recipe Recipe::parse(const std::string& toml, const std::string& source) {
  return resolve(ConfigFile::parse(toml, source), source);
}

std::string Recipe::to_toml(bool with_help) const {
  auto copy = *this;
  return copy.schema().to_toml(with_help);
}

std::string Recipe::fingerprint() const { return sha256(to_toml()); }

}  // namespace kuda
