#include "kuda/predictor/video_recipe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kuda/base/error.h"
#include "kuda/base/test_support.h"
#include "kuda/extract/clip_report.h"
#include "kuda/predictor/predictor.h"

namespace kuda {
namespace {

using test::error_of;
using testing::AllOf;
using testing::HasSubstr;

PredictorFacts facts_reading(const PerModality<bool>& modalities) {
  PredictorFacts facts;
  facts.data = "mosi";
  for (const auto m : kModalities) facts.inputs[m].is_in_use = modalities[m];
  return facts;
}

TEST(VideoRecipe, IsThatOfTheCheckpointElseTheDefaultOneForWordsAlone) {
  auto words = facts_reading({true, false, false});
  EXPECT_EQ(video_recipe(words, "run", false), "") << "the default one";
  words.recipe = "[vision]\nframes_per_second = 25.0\n";
  EXPECT_EQ(video_recipe(words, "run", false), words.recipe);
}

TEST(VideoRecipe, IsRefusedForFeaturesOfUnknownOrigin) {
  const auto all = facts_reading({true, true, true});
  EXPECT_THAT(error_of<CheckpointError>([&] { (void)video_recipe(all, "run", false); }),
              AllOf(HasSubstr("run: "), HasSubstr("'mosi'"), HasSubstr("--modalities T")));
  EXPECT_EQ(video_recipe(all, "run", true), "");
}

TEST(VideoRecipe, WhatAModelGetsNothingOfIsSaidInWords) {
  ClipReport clip;
  clip.facts.missing.audio = "there is no sound";
  clip.facts.missing.vision = "there is no picture";
  const auto missing = missing_in(clip, facts_reading({true, true, false}));
  EXPECT_EQ(missing.text, "");
  EXPECT_EQ(missing.vision, "there is no picture");
  EXPECT_EQ(missing.audio, "not read") << "whether it is there or not";
}

TEST(VideoRecipe, WeightsLieInTheCheckpointOfARun) {
  const auto run = test::scratch_folder("run_with_extractor");
  EXPECT_EQ(extractor_in(run).string(), "");
  const auto weights = run / "model" / "extractor";
  std::filesystem::create_directories(weights);
  EXPECT_EQ(extractor_in(run).string(), weights.string());
  EXPECT_EQ(extractor_in(run / "model").string(), weights.string());
}

}  // namespace
}  // namespace kuda
