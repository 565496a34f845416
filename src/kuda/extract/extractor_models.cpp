#include "kuda/extract/extractor_models.h"

#include <fmt/format.h>

#include <set>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/base/folder.h"
#include "kuda/extract/audio_columns.h"
#include "kuda/extract/speech/whisper.h"

namespace kuda {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFaceFolder = "face";
constexpr const char* kVoiceFile = "voice_activity.safetensors";
constexpr const char* kSpeechFolder = "whisper-tiny.en";  // whatever model lies in it
constexpr const char* kHowToGet = "scripts/setup.sh --extractor makes the folder; or name yours: --extractor FOLDER";

/// Weights and descriptions of a folder, sorted.
std::set<fs::path> files_of(const fs::path& folder) {
  static const std::set<std::string> kEndings{".safetensors", ".bin", ".json", ".txt"};
  std::set<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.is_regular_file() && kEndings.contains(entry.path().extension().string())) files.insert(entry.path());
  return files;
}

void keep_file(const fs::path& from, const fs::path& to) {
  if (fs::exists(to)) return;
  std::error_code refused;
  fs::create_hard_link(fs::canonical(from), to, refused);
  if (!refused) return;
  AtomicFile copy(to);
  copy.write(MappedFile::open(from)->bytes());
  copy.commit();
}

void settle(std::string& expected, const fs::path& path, const char* key) {
  if (!fs::exists(path)) throw DataError(path.string() + ": no such weights", kHowToGet);
  const auto found = digest_of_models(path);
  if (expected.empty()) expected = found;
  if (expected == found) return;
  throw DataError(fmt::format("{}: models.{}: the recipe was made with weights of SHA-256 {}, found {}", path.string(),
                              key, expected, found),
                  fmt::format("take the weights that the recipe names, {}: other weights give other features; a recipe "
                              "of your own with models.{} = \"\" takes any",
                              std::string_view(key) == "speech" ? "by --speech-model FOLDER (speech_model= in Python)"
                                                                : "by --extractor FOLDER",
                              key));
}

}  // namespace

std::string digest_of_models(const fs::path& path) {
  if (!fs::is_directory(path)) return sha256_of_file(path);
  const auto files = files_of(path);
  if (files.empty()) throw DataError(path.string() + ": expected weights (.safetensors), found none", kHowToGet);
  std::string text;
  for (const auto& file : files) text += file.filename().string() + " " + sha256_of_file(file) + "\n";
  return sha256(text);
}

Recipe chosen_recipe(Recipe recipe, const ExtractorChoices& choices) {
  static const auto kDefaultSpeech = Recipe().models.speech;
  if (!choices.speech.empty() && recipe.models.speech == kDefaultSpeech) recipe.models.speech.clear();
  return recipe;
}

Recipe kept_recipe(const std::string& toml, const std::string& source, const ExtractorChoices& choices) {
  return toml.empty() ? chosen_recipe(Recipe(), choices) : Recipe::parse(toml, source);
}

ExtractorModels::ExtractorModels(const ExtractorChoices& choices, Recipe& recipe) : opensmile(choices.opensmile) {
  const auto folder = choices.folder.empty() ? fs::path(kDefaultExtractor) : choices.folder;
  face = folder / kFaceFolder;
  voice_activity = folder / kVoiceFile;
  speech = choices.speech.empty() ? folder / kSpeechFolder : choices.speech;
  if (!choices.speech.empty()) (void)WhisperConfig::load(speech);  // what is no Whisper is said once, not for each clip
  settle(recipe.models.speech, speech, "speech");                  // before the others: it is what people choose
  settle(recipe.models.voice_activity, voice_activity, "voice_activity");
  settle(recipe.models.face, face, "face");
  if (reads_whisper(recipe.audio.columns))
    recipe.audio.columns = with_whisper_columns(recipe.audio.columns, WhisperConfig::load(speech).d_model);
}

void keep_models(const ExtractorModels& models, const fs::path& folder) {
  for (const auto& [from, name] : {std::pair(models.face, kFaceFolder), std::pair(models.speech, kSpeechFolder)}) {
    make_folder(folder / name);
    for (const auto& file : files_of(from)) keep_file(file, folder / name / file.filename());
  }
  keep_file(models.voice_activity, folder / kVoiceFile);  // last: with it the folder is whole
}

bool holds_models(const fs::path& folder) { return fs::exists(folder / kVoiceFile); }

}  // namespace kuda
