#include "kuda/extract/extractor_models.h"

#include <fmt/format.h>

#include <set>
#include <string>
#include <system_error>
#include <utility>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/base/folder.h"

namespace kuda {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSpeechFolder = "whisper-tiny.en";  // whatever model lies in it
constexpr const char* kHowToGet = "scripts/setup.sh --extractor makes the folder; or name yours: --extractor FOLDER";

/// Weights and descriptions of a folder, sorted.
std::set<fs::path> files_of(const fs::path& folder) {
  static const std::set<std::string> kEndings{".safetensors", ".json", ".txt"};
  std::set<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.is_regular_file() && kEndings.contains(entry.path().extension().string())) files.insert(entry.path());
  return files;
}

void keep_file(const fs::path& from, const fs::path& to) {
  if (fs::exists(to)) return;
  std::error_code refused;
  fs::create_hard_link(fs::canonical(from), to, refused);
  if (refused) fs::copy_file(from, to);
}

void settle(std::string& expected, const fs::path& path, const char* key) {
  if (!fs::exists(path)) throw DataError(path.string() + ": no such weights", kHowToGet);
  const auto found = digest_of_models(path);
  if (expected.empty()) expected = found;
  if (expected == found) return;
  throw DataError(fmt::format("{}: models.{}: the recipe was made with weights of SHA-256 {}, found {}", path.string(),
                              key, expected.substr(0, 16), found.substr(0, 16)),
                  "take the weights that the recipe names; other weights give other features");
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

ExtractorModels::ExtractorModels(const fs::path& folder, Recipe& recipe, const fs::path& speech_folder)
    : face(folder / "face"),
      voice_activity(folder / "voice_activity.safetensors"),
      speech(speech_folder.empty() ? folder / kSpeechFolder : speech_folder) {
  settle(recipe.models.face, face, "face");
  settle(recipe.models.voice_activity, voice_activity, "voice_activity");
  settle(recipe.models.speech, speech, "speech");
}

void keep_models(const ExtractorModels& models, const fs::path& folder) {
  for (const auto& [from, name] : {std::pair(models.face, "face"), std::pair(models.speech, kSpeechFolder)}) {
    make_folder(folder / name);
    for (const auto& file : files_of(from)) keep_file(file, folder / name / file.filename());
  }
  keep_file(models.voice_activity, folder / models.voice_activity.filename());
}

}  // namespace kuda
