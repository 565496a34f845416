// Feature files as people have them: each of tests/data/mmsa (make_files.py) is one way to write, or to lack,
// something.

#include <gmock/gmock.h>

#include <cmath>

#include "kuda/data/doctor/inspect.h"
#include "kuda/data/sources/mmsa.h"
#include "kuda/data/sources/mmsa_recipes.h"
#include "kuda/data/test_data.h"

namespace kuda {
namespace {

using test::CaughtLog;
using testing::HasSubstr;

Dataset read_object(const std::string& name) { return read_mmsa(test::data_file("mmsa/" + name + ".pkl")); }

std::string error_of_file(const std::string& name) {
  return test::error_of<DataError>([&] { (void)read_object(name); });
}

TEST(MmsaKinds, EveryWayOfWritingTheSameDataGivesTheSameDataSet) {
  const Dataset plain = read_object("plain");
  EXPECT_FLOAT_EQ(plain.vision->clip(1)[4][1].item<float>(), 2.4F);
  EXPECT_FLOAT_EQ(plain.audio->clip(6)[3][2].item<float>(), 8.3F);
  for (const char* name :
       {"lists", "lists_p2", "tensors_p2", "tensors_p5", "beside_p0", "beside_p2", "beside_p5", "string_dtype"})
    EXPECT_EQ(read_object(name).fingerprint, plain.fingerprint) << name;
}

TEST(MmsaKinds, NoneStandsForAKeyThatIsNotThere) {
  const Dataset data = read_object("nones");
  EXPECT_EQ(data.clips.size(), read_object("plain").clips.size());
  EXPECT_FALSE(data.text_bert.defined());
  EXPECT_FALSE(data.text_features.has_value());
  EXPECT_TRUE(data.vision.has_value());
  EXPECT_TRUE(std::isnan(data.clips[0].unimodal_labels.text));
}

TEST(MmsaKinds, TheLengthsOfRaggedClipsAreTheirOwn) {
  const Dataset data = read_object("ragged");
  EXPECT_EQ(data.vision->lengths, (std::vector<std::int64_t>{1, 2, 3, 1, 2, 1, 2}));
  EXPECT_EQ(data.vision->padded_length, 3);
  EXPECT_EQ(data.vision->clip(2).size(0), 3) << "its last frame is zero, but nothing was padded";
  EXPECT_EQ(data.audio->lengths, (std::vector<std::int64_t>{0, 3, 2, 0, 3, 0, 3})) << "None is a clip without audio";
  EXPECT_EQ(data.audio->offsets[1], 0);
  EXPECT_FLOAT_EQ(data.audio->clip(2)[1][0].item<float>(), 9.1F);
  EXPECT_FALSE(data.is_aligned);
}

TEST(MmsaKinds, AnySubsetOfModalitiesIsADataSet) {
  const Dataset text_audio = read_object("text_audio");
  EXPECT_FALSE(text_audio.vision.has_value());
  EXPECT_EQ(text_audio.audio->values.sizes(), (std::vector<std::int64_t>{28, 3}));
  EXPECT_EQ(text_audio.rows(Split::valid).size(), 2U) << "'dev' is valid";
  const Dataset vision = read_object("vision_only");
  EXPECT_TRUE(vision.vision.has_value());
  EXPECT_FALSE(vision.audio.has_value() || vision.text_features.has_value() || vision.text_bert.defined());
}

TEST(MmsaKinds, ClipsToBeScoredNeedNoLabelsAndNoOtherSplits) {
  const Dataset test = read_object("only_test");
  ASSERT_EQ(test.clips.size(), 2U);
  EXPECT_EQ(test.rows(Split::test).size(), 2U);
  for (const Clip& clip : test.clips) EXPECT_TRUE(std::isnan(clip.label)) << "NaN and None are unknown";
  CaughtLog log;
  const Dataset flat = read_object("no_splits");
  EXPECT_EQ(flat.rows(Split::test).size(), 2U);
  EXPECT_TRUE(std::isnan(flat.clips[1].label));
  EXPECT_THAT(log.text(), HasSubstr("no splits: all of it is read as test"));
  EXPECT_THAT(log.text(), HasSubstr("no regression_labels in test"));
}

TEST(MmsaKinds, ASplitWithoutClipsHasEmptyColumnsOfAnyType) {  // numpy makes float64 of an empty list
  const Dataset data = read_object("empty_valid");
  EXPECT_EQ(data.rows(Split::train).size(), 3U);
  EXPECT_EQ(data.rows(Split::valid).size(), 0U);
  EXPECT_EQ(data.rows(Split::test).size(), 2U);
  EXPECT_EQ(data.vision->lengths.size(), 5U);
  const Dataset none = read_object("mult_labels");
  EXPECT_EQ(none.clips.size(), 5U) << "None is a split without clips, too";
  EXPECT_EQ(none.clips[4].label, 3) << "'labels' of MulT's files";
}

TEST(MmsaKinds, OneClipAlone) {
  const Dataset data = read_object("single_clip");
  ASSERT_EQ(data.clips.size(), 1U);
  EXPECT_EQ(data.clips[0].id(), "single_clip");
  EXPECT_EQ(data.vision->values.sizes(), (std::vector<std::int64_t>{5, 2}));
  EXPECT_EQ(data.audio->values.sizes(), (std::vector<std::int64_t>{4, 3}));
  EXPECT_EQ(data.text_features->values.sizes(), (std::vector<std::int64_t>{6, 8}));
  ASSERT_EQ(data.text_bert.sizes(), (std::vector<std::int64_t>{1, 3, 6}));
  EXPECT_EQ(data.text_bert[0][0][5].item<int>(), 105) << "[L, 3] in the file";
  EXPECT_EQ(data.text_bert[0][1].sum().item<int>(), 6);
  const auto schema = inspect_file(test::data_file("mmsa/single_clip.pkl"));
  EXPECT_EQ(schema.problem, "");
  EXPECT_EQ(schema.keys.size(), 4U);
}

TEST(MmsaKinds, IdsOfMulTsAuthorsAreJoined) {
  EXPECT_EQ(read_object("mult_bytes").clips[1].id(), "v1$_$1.5_3");
  EXPECT_EQ(read_object("mult_lists").clips[1].id(), "v1$_$1.5_3");
  EXPECT_EQ(read_object("mult_numbers").clips[1].id(), "1$_$1.1_3") << "1.1 of float32, not 1.10000002";
  const Dataset data = read_object("mult_bytes");
  EXPECT_EQ(data.clips[1].video_id, "v1");
  EXPECT_EQ(data.clips[2].label, 3) << "[N, 1, 1]";
}

TEST(MmsaKinds, FourEmotionsAreNoScore) {
  const auto error = error_of_file("mult_iemocap");
  EXPECT_THAT(error,
              HasSubstr("train.labels: expected one sentiment score a clip, found [3, 4, 2] int64: four emotions"));
  EXPECT_THAT(error, HasSubstr("IEMOCAP"));
}

TEST(MmsaKinds, ClipsOneAfterTheOtherAreRefusedWithTheLinesThatTurnThem) {
  const auto dicts = error_of_file("clip_dicts");
  EXPECT_THAT(dicts, HasSubstr("train: expected a dict of arrays and lists, found list"));
  EXPECT_THAT(dicts, HasSubstr("{s: {k: [c[k] for c in v] for k in v[0]} for s, v in d.items()}"));
  EXPECT_THAT(error_of_file("clip_tuples"),
              HasSubstr("{s: {'id': [c[2] for c in v], 'regression_labels': [float(c[1].reshape(-1)[0]) for c in v], "
                        "'raw_text': [' '.join(c[0][3]) for c in v], 'vision': [c[0][1] for c in v], 'audio': [c[0][2] "
                        "for c in v]} for s, v in d.items()}"));
}

TEST(MmsaKinds, HalfACharacterIsNamedWithItsClip) {
  for (const char* name : {"lone_surrogate", "lone_surrogate_p0"}) {
    const auto error = error_of_file(name);
    EXPECT_THAT(error,
                HasSubstr("valid.raw_text: clip valid1$_$1: expected text (UTF-8), found text with a lone surrogate"))
        << name;
    EXPECT_THAT(error, HasSubstr("surrogatepass")) << name;
  }
}

TEST(MmsaKinds, NumbersBeyondFloat32AreNoInfinitiesOfTheFile) {
  for (const char* name : {"beyond_float32", "beyond_float32_list"}) {
    CaughtLog log;
    const Dataset data = read_object(name);
    EXPECT_THAT(log.text(), HasSubstr("vision: 1 numbers are too large for float32 and become infinite (first: "
                                      "train1$_$1, 1e+300)"))
        << name;
    EXPECT_THAT(log.text(), HasSubstr("vision: 0 NaN, 0 +inf, 1 -inf in 1 clips (first: train2$_$2")) << name;
    EXPECT_EQ(data.vision->finite, Finite::no);
    EXPECT_TRUE(std::isinf(data.vision->clip(1)[2][0].item<float>()));
  }
}

TEST(MmsaKinds, WordsAndPicturesAreRefusedWithARecipe) {
  const auto words = error_of_file("word_labels");
  EXPECT_THAT(words, HasSubstr("train.regression_labels: clip train0$_$0: expected a number, found text"));
  EXPECT_THAT(words, HasSubstr("{'negative': -1, 'neutral': 0, 'positive': 1}[x.lower()]"));
  const auto pictures = error_of_file("pictures");
  EXPECT_THAT(pictures, HasSubstr("vision: expected 3 dimensions [N, L, D], found [3, 2, 4, 4, 3] uint8"));
  EXPECT_THAT(pictures, HasSubstr("look like pictures"));
}

TEST(MmsaKinds, EachNumberOfDimensionsHasItsRecipe) {
  EXPECT_THAT(recipe_for_frames({24}, false), HasSubstr("x[:, None, None]"));
  EXPECT_THAT(recipe_for_frames({24, 4}, false), HasSubstr("x[:, None]"));
  EXPECT_EQ(recipe_for_frames({24, 6, 4}, false), "");
  EXPECT_THAT(recipe_for_frames({24, 1, 6, 4}, false), HasSubstr("x.squeeze(1)"));
  EXPECT_THAT(recipe_for_frames({24, 6, 4, 8}, false), HasSubstr("x.reshape(*x.shape[:2], -1)"));
  EXPECT_THAT(recipe_for_frames({24, 6, 3, 64, 64}, false), HasSubstr("look like pictures"));
  EXPECT_THAT(recipe_for_frames({4}, true), HasSubstr("x[None]"));
  EXPECT_THAT(recipe_for_frames({6, 2, 4}, true), HasSubstr("x.reshape(len(x), -1)")) << "no picture is two by four";
}

TEST(MmsaKinds, WhatPandasMakesIsRefusedWithARecipeWhereItIsWanted) {
  const auto series = error_of_file("pandas_series");
  EXPECT_THAT(series, HasSubstr("test.regression_labels: expected numbers, found pandas.Series"));
  EXPECT_THAT(series, HasSubstr("column.to_numpy()"));
  const auto values = error_of_file("pandas_values");
  EXPECT_THAT(values, HasSubstr("test.raw_text: expected a list of texts, found pandas.arrays.StringArray"));
  EXPECT_THAT(values, HasSubstr("column.tolist()"));
}

}  // namespace
}  // namespace kuda
