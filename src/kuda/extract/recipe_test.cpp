#include "kuda/extract/recipe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <set>

#include "kuda/base/file.h"
#include "kuda/base/test_support.h"
#include "kuda/data/sources/recipe_file.h"
#include "kuda/extract/extractor_models.h"
#include "kuda/extract/test_source.h"

namespace kuda {
namespace {

using test::error_of;
using test::scratch_folder;
using testing::HasSubstr;

Recipe with_any_weights() {
  Recipe recipe;
  recipe.models = {"", "", ""};
  return recipe;
}

TEST(Recipe, TheFileThatIsShippedIsTheDefault) {
  const auto path = std::filesystem::path(KUDA_SOURCE_DIR) / "configs/extract/default.toml";
  EXPECT_EQ(Recipe::load(path).to_toml(), Recipe().to_toml());
  EXPECT_THAT(read_file(path), HasSubstr(Recipe().to_toml(true))) << "a key is absent there, or has another value";
}

TEST(Recipe, ItsTextReadsBackToTheSameText) {
  auto recipe = test::small_recipe();
  recipe.vision.minimum_score = 1.0 / 3;
  recipe.models.speech = std::string(64, 'a');
  EXPECT_EQ(Recipe::parse(recipe.to_toml(), "text").to_toml(), recipe.to_toml());
  EXPECT_EQ(Recipe::parse(recipe.to_toml(true), "text").fingerprint(), recipe.fingerprint());
}

TEST(Recipe, AnyKeyThatDiffersGivesAnotherFingerprint) {
  const std::vector<std::string> changes{"[vision]\nframes_per_second = 25",
                                         "[vision]\nlongest_side = 320",
                                         "[vision]\nredetect_seconds = 2",
                                         "[vision]\nminimum_score = 0.6",
                                         "[vision]\nmost_faces = 1",
                                         "[vision]\ncolumns = [\"jawOpen\"]",
                                         "[audio]\nframes_per_second = 50",
                                         "[audio]\nlowest_pitch = 70",
                                         "[audio]\nhighest_pitch = 400",
                                         "[audio]\nsilence_threshold = 0.02",
                                         "[audio]\nvoicing_threshold = 0.5",
                                         "[audio]\noctave_cost = 0.02",
                                         "[audio]\noctave_jump_cost = 0.3",
                                         "[audio]\nvoiced_unvoiced_cost = 0.2",
                                         "[audio]\ncolumns = [\"f0\"]",
                                         "[text]\nthreshold = 0.6",
                                         "[text]\nrelease = 0.3",
                                         "[text]\nshortest_speech = 0.3",
                                         "[text]\nshortest_silence = 0.3",
                                         "[text]\npadding = 0.2",
                                         "[text]\nlanguage = \"zh\"",
                                         "[models]\nface = \"a\"",
                                         "[models]\nvoice_activity = \"a\"",
                                         "[models]\nspeech = \"a\""};
  std::set<std::string> seen{Recipe().fingerprint()};
  std::size_t keys = 0;
  for (const auto& change : changes)
    EXPECT_TRUE(seen.insert(Recipe::parse(change, "x").fingerprint()).second) << change;
  Recipe recipe;
  const auto schema = recipe.schema();
  for (const auto& section : schema.sections())
    if (!section.name.empty()) keys += section.fields.list().size();
  EXPECT_EQ(changes.size() + 1, keys) << "a key is not tried here; sample_rate has one value";
}

TEST(Recipe, NamesWhatIsWrong) {
  EXPECT_THAT(error_of<ConfigError>([] { (void)Recipe::parse("[vision]\ncolumns = [\"jawOpne\"]", "my.toml"); }),
              HasSubstr("my.toml: vision.columns: unknown column 'jawOpne'\n  hint: did you mean 'jawOpen'?"));
  EXPECT_THAT(error_of<ConfigError>([] { (void)Recipe::parse("[audio]\ncolumns = [\"f0\", \"f0\"]", "my.toml"); }),
              HasSubstr("my.toml: audio.columns: column 'f0' comes twice"));
  EXPECT_THAT(error_of<ConfigError>([] { (void)Recipe::parse("[audio]\ncolumns = []", "my.toml"); }),
              HasSubstr("expected at least one column"));
  EXPECT_THAT(error_of<ConfigError>([] { (void)Recipe::parse("[audio]\nlowest_pitch = 600", "my.toml"); }),
              HasSubstr("audio.highest_pitch: expected more than lowest_pitch (600 Hz), found 500"));
  EXPECT_THAT(error_of<ConfigError>([] { (void)Recipe::parse("[vision]\nframes_per_secnd = 5", "my.toml"); }),
              HasSubstr("frames_per_second"));
}

TEST(Recipe, DifferencesAreNamedByKey) {
  auto other = Recipe();
  other.vision.frames_per_second = 25;
  EXPECT_EQ(recipe_differences(Recipe().to_toml(), other.to_toml()),
            "vision.frames_per_second is 10.0 here and 25.0 there");
  EXPECT_EQ(recipe_differences(other.to_toml(), other.to_toml()), "");
}

TEST(ExtractorModels, FillTheRecipeAndHoldItToTheirBytes) {
  const auto folder = scratch_folder("weights");
  std::filesystem::create_directories(folder / "face");
  std::filesystem::create_directories(folder / "whisper-tiny.en");
  write_file(folder / "face/detector.safetensors", "d");
  write_file(folder / "voice_activity.safetensors", "v");
  auto recipe = with_any_weights();
  EXPECT_THAT(error_of<DataError>([&] { ExtractorModels({.folder = folder}, recipe); }),
              HasSubstr("whisper-tiny.en: expected weights (.safetensors), found none"));
  write_file(folder / "whisper-tiny.en/model.safetensors", "w");
  ExtractorModels({.folder = folder}, recipe);
  EXPECT_EQ(recipe.models.voice_activity, sha256("v"));
  EXPECT_EQ(recipe.models.face.size(), 64U);
  EXPECT_FALSE(holds_models(test::scratch("kept")));
  keep_models(ExtractorModels({.folder = folder}, recipe), test::scratch("kept"));
  EXPECT_TRUE(holds_models(test::scratch("kept")));
  ExtractorModels({.folder = test::scratch("kept")}, recipe);  // the same bytes under the same names
  write_file(folder / "face/detector.safetensors", "e");
  EXPECT_THAT(error_of<DataError>([&] { ExtractorModels({.folder = folder}, recipe); }),
              HasSubstr("models.face: the recipe was made with weights of SHA-256 " + recipe.models.face + ", found "));
  auto shipped = Recipe();
  EXPECT_THAT(
      error_of<DataError>([&] { ExtractorModels({.folder = folder}, shipped); }),
      HasSubstr("of SHA-256 " + Recipe().models.speech + ", found " + digest_of_models(folder / "whisper-tiny.en")))
      << "the default recipe takes the default weights alone";
  EXPECT_THAT(error_of<DataError>([&] { ExtractorModels({.folder = folder / "none"}, recipe); }),
              HasSubstr("no such weights\n  hint: scripts/setup.sh --extractor"));
}

TEST(ExtractorModels, WeightsAsATorchFileCountAndAreKept) {
  const auto folder = scratch_folder("weights");
  for (const char* name : {"face", "whisper-tiny.en"}) std::filesystem::create_directories(folder / name);
  write_file(folder / "face/detector.safetensors", "d");
  write_file(folder / "voice_activity.safetensors", "v");
  write_file(folder / "whisper-tiny.en/config.json", "{}");
  write_file(folder / "whisper-tiny.en/pytorch_model.bin", "one");
  const auto one = digest_of_models(folder / "whisper-tiny.en");
  write_file(folder / "whisper-tiny.en/pytorch_model.bin", "other");
  EXPECT_NE(digest_of_models(folder / "whisper-tiny.en"), one);
  auto recipe = Recipe::parse("[models]\nface = \"\"\nvoice_activity = \"\"\nspeech = \"\"", "any");
  keep_models(ExtractorModels({.folder = folder}, recipe), scratch_folder("kept"));
  EXPECT_EQ(read_file(test::scratch("kept") / "whisper-tiny.en/pytorch_model.bin"), "other");
}

TEST(ExtractorModels, ARecogniserOfOnesOwnTakesThePlaceOfTheDefaultOneInNewFeaturesAlone) {
  const auto folder = scratch_folder("weights");
  for (const char* name : {"face", "whisper-tiny.en", "own"}) std::filesystem::create_directories(folder / name);
  write_file(folder / "face/detector.safetensors", "d");
  write_file(folder / "voice_activity.safetensors", "v");
  write_file(folder / "whisper-tiny.en/model.safetensors", "w");
  write_file(folder / "own/model.safetensors", "o");
  const ExtractorChoices own{.folder = folder, .speech = folder / "own"}, none{.folder = folder};
  const auto pinned = Recipe().models;

  EXPECT_EQ(chosen_recipe(Recipe(), own).models.speech, "");
  EXPECT_EQ(chosen_recipe(Recipe(), none).models.speech, pinned.speech);
  EXPECT_EQ(chosen_recipe(Recipe(), own).models.face, pinned.face) << "no other weights were chosen";
  auto recipe = chosen_recipe(Recipe::parse("[models]\nface = \"\"\nvoice_activity = \"\"", "x"), own);
  EXPECT_THAT(error_of<CheckpointError>([&] { ExtractorModels(own, recipe); }), HasSubstr("config.json"))
      << "said before any clip is decoded";
  write_file(folder / "own/config.json", R"({"model_type": "whisper"})");
  recipe.models.speech.clear();
  const ExtractorModels models(own, recipe);
  EXPECT_EQ(models.speech, folder / "own");
  EXPECT_EQ(recipe.models.speech, digest_of_models(folder / "own"));
  const std::string other(64, 'a');
  EXPECT_EQ(chosen_recipe(Recipe::parse("[models]\nspeech = \"" + other + "\"", "x"), own).models.speech, other)
      << "a recipe that asks for a recogniser of its own means it";

  // Features that are there were made by the recogniser that their recipe names, be it the default one.
  auto kept = kept_recipe(Recipe().to_toml(), "config.json: recipe", own);
  EXPECT_THAT(error_of<DataError>([&] { ExtractorModels(own, kept); }),
              HasSubstr("models.speech: the recipe was made with weights of SHA-256 " + pinned.speech));
  EXPECT_EQ(kept_recipe("", "", own).to_toml(), chosen_recipe(Recipe(), own).to_toml()) << "none is the default one";
  EXPECT_EQ(kept_recipe("", "", none).models.face, pinned.face);
  EXPECT_THAT(error_of<ConfigError>([&] { (void)kept_recipe("[vision]\nx = 1", "config.json: recipe", none); }),
              HasSubstr("config.json: recipe"));
}

TEST(ExtractorModels, TheShippedDigestsAreThoseOfTheWeightsThatSetUpMakes) {
  const auto folder = std::filesystem::path(KUDA_SOURCE_DIR) / kDefaultExtractor;
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "no weights: scripts/setup.sh --extractor";
  auto recipe = Recipe();
  ExtractorModels({.folder = folder}, recipe);
  EXPECT_EQ(recipe.fingerprint(), Recipe().fingerprint());
}

TEST(ExtractorModels, ACopyThatIsCutShortIsNotThere) {
  const std::filesystem::path other = "/dev/shm/kuda-weights-" + std::to_string(::getpid());
  const auto kept = test::scratch("kept");
  std::filesystem::create_directories(other / "face");
  std::filesystem::create_directories(other / "whisper-tiny.en");
  std::filesystem::create_directories(kept);
  std::error_code refused;
  write_file(other / "probe", "x");
  std::filesystem::create_hard_link(other / "probe", kept / "probe", refused);
  write_file(other / "face/a.safetensors", std::string(3 << 20U, 'a'));
  write_file(other / "voice_activity.safetensors", "v");
  write_file(other / "whisper-tiny.en/model.safetensors", "w");
  auto recipe = with_any_weights();
  const ExtractorModels models({.folder = other}, recipe);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {  // a file may have a megabyte at most: as on a full disk
    const rlimit limit{1 << 20U, 1 << 20U};
    std::signal(SIGXFSZ, SIG_IGN);
    ::setrlimit(RLIMIT_FSIZE, &limit);
    try {
      keep_models(models, kept);
      ::_exit(0);
    } catch (const Error&) {
      ::_exit(3);
    }
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  const bool is_copied = bool(refused);
  EXPECT_EQ(WEXITSTATUS(status), is_copied ? 3 : 0);
  if (is_copied)
    EXPECT_FALSE(std::filesystem::exists(kept / "face/a.safetensors")) << "half a file would stay for good";
  keep_models(models, kept);
  EXPECT_TRUE(read_file(kept / "face/a.safetensors") == read_file(other / "face/a.safetensors"));
  std::filesystem::remove_all(other);
  if (!is_copied) GTEST_SKIP() << "/dev/shm and the folder of temporary files are one file system: nothing is copied";
}

}  // namespace
}  // namespace kuda
