#include "kuda/extract/audio_columns.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>

#include "kuda/base/test_support.h"
#include "kuda/extract/audio_rows.h"
#include "kuda/extract/recipe.h"
#include "kuda/extract/voice/test_sounds.h"
#include "kuda/tensor/tensor.h"

namespace kuda {
namespace {

using test::error_of;
using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> columns_of(const std::string& list) {
  return Recipe::parse("[audio]\ncolumns = [" + list + "]", "my.toml").audio.columns;
}

TEST(AudioColumns, AnAnalysisStandsForAllOfItsColumns) {
  EXPECT_EQ(columns_of("\"voice\""), voice_columns());
  const auto all = columns_of("\"egemaps\", \"f0\"");
  ASSERT_EQ(all.size(), 26U);
  EXPECT_EQ(all.front(), "egemaps_Loudness_sma3");
  EXPECT_EQ(all.back(), "f0");
  EXPECT_THAT(with_whisper_columns(columns_of("\"f0\", \"whisper\""), 3),
              ElementsAre("f0", "whisper_0", "whisper_1", "whisper_2"));
  EXPECT_TRUE(reads_whisper(columns_of("\"f0\", \"whisper_7\"")));
  EXPECT_FALSE(reads_whisper(columns_of("\"voice\", \"egemaps\"")));
}

TEST(AudioColumns, WhatIsWrongIsNamed) {
  const auto said = [](const std::string& list) { return error_of<ConfigError>([&] { (void)columns_of(list); }); };
  EXPECT_THAT(said("\"whisper_x\""), HasSubstr("my.toml: audio.columns: unknown column 'whisper_x'"));
  EXPECT_THAT(said("\"whisper_01\""), HasSubstr("unknown column"));
  EXPECT_THAT(said("\"voice\", \"f0\""), HasSubstr("column 'f0' comes twice"));
  EXPECT_THAT(said("\"egemaps_loudness_sma3\""), HasSubstr("did you mean 'egemaps_Loudness_sma3'?"));
  EXPECT_THAT(error_of<ConfigError>([] { (void)with_whisper_columns({"whisper_384"}, 384); }),
              HasSubstr("whisper_384: the recogniser's encoder has 384 states"));
  EXPECT_THAT(error_of<ConfigError>([] {
                (void)with_whisper_columns({"whisper_2", "whisper"}, 4);
              }),
              HasSubstr("column 'whisper_2' comes twice"));
  AudioRecipe recipe;
  recipe.columns = {"egemaps_mfcc1_sma3"};
  EXPECT_THAT(error_of<ConfigError>([&] { (void)opensmile_for(recipe, ""); }), HasSubstr("--opensmile"));
  EXPECT_THAT(error_of<ConfigError>([&] { (void)opensmile_for(recipe, test::scratch_folder("core")); }),
              HasSubstr("expected libSMILEapi.so below bin, found none"));
  recipe.columns = {"f0"};
  EXPECT_EQ(opensmile_for(recipe, ""), nullptr);
}

TEST(AudioRows, StatesOfTheRecogniserStandAtTheirTimeAmongTheOtherColumns) {
  AudioRecipe recipe;
  recipe.columns = {"whisper_1", "energy", "whisper_0"};
  AudioRows rows(recipe, "clip.mp4");
  const auto sound = at::ones({16000}) * 0.5;
  for (std::int64_t from = 0; from < 16000; from += 1700) rows.add(sound.slice(0, from, from + 1700));
  const auto numbers = at::arange(10, at::kFloat);
  rows.add_states(0.3, at::stack({numbers, 10 * numbers + 1}, 1));  // from 0.3 s on, each 20 ms
  rows.add_states(0.7, at::full({2, 2}, 5.0F));
  rows.finish_voice();
  EXPECT_EQ(rows.energy().size(0), 100);
  const auto found = io::to_tensor(rows.finish(nullptr).array);  // [100, 3]
  ASSERT_EQ(found.sizes(), (std::vector<std::int64_t>{100, 3}));
  const auto at_row = [&](std::int64_t row, std::int64_t column) { return found[row][column].item<float>(); };
  EXPECT_EQ(at_row(29, 2), 0);
  EXPECT_NEAR(at_row(30, 0), 1, 1e-5);
  EXPECT_NEAR(at_row(31, 2), 0.5, 1e-4) << "between two states";
  EXPECT_NEAR(at_row(44, 2), 7, 1e-4);
  EXPECT_NEAR(at_row(44, 0), 71, 1e-3);
  EXPECT_NEAR(at_row(49, 2), 9, 1e-4) << "the last one holds until its end";
  EXPECT_EQ(at_row(50, 0), 0);
  EXPECT_EQ(at_row(69, 0), 0);
  EXPECT_NEAR(at_row(70, 0), 5, 1e-5);
  EXPECT_EQ(at_row(75, 0), 0);
  EXPECT_NEAR(at_row(50, 1), std::log(0.25), 1e-4) << "energy stands where the recipe has it";
}

// Where KUDA_OPENSMILE names the folder `opensmile/core` of its Python package (research licence).
TEST(AudioRows, ColumnsOfOpenSmileStandAtTheirTime) {
  const char* folder = std::getenv("KUDA_OPENSMILE");
  if (folder == nullptr) GTEST_SKIP() << "KUDA_OPENSMILE names no openSMILE (research licence)";
  AudioRecipe recipe;
  recipe.columns = {"f0", "egemaps_F0semitoneFrom27.5Hz_sma3nz", "egemaps_Loudness_sma3"};
  const auto opensmile = opensmile_for(recipe, folder);
  AudioRows rows(recipe, "clip.mp4");
  rows.add(at::zeros({16000}));
  rows.add(test::harmonics(150, 1, 1, 10));
  rows.finish_voice();
  const auto found = io::to_tensor(rows.finish(opensmile.get()).array);  // [200, 3]
  ASSERT_EQ(found.sizes(), (std::vector<std::int64_t>{200, 3}));
  const auto at_row = [&](std::int64_t row, std::int64_t column) { return found[row][column].item<float>(); };
  EXPECT_NEAR(at_row(150, 0), 150, 1);
  EXPECT_NEAR(at_row(150, 1), 12 * std::log2(150 / 27.5), 0.1);
  EXPECT_EQ(at_row(50, 1), 0) << "silence has no voice";
  EXPECT_LT(at_row(85, 2), 0.2F * at_row(115, 2)) << "the tone begins at a second in both";
}

}  // namespace
}  // namespace kuda
