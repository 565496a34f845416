// Feature files as people have them: each of tests/data/mmsa (make_files.py) is one way to write, or to lack,
// something.

#include <gmock/gmock.h>

#include <cmath>

#include "kuda/data/doctor/inspect.h"
#include "kuda/data/sources/mmsa.h"
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
