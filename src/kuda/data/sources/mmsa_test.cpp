// Feature files in MMSA layout: what is read, and what every fault of the schema gives.

#include "kuda/data/sources/mmsa.h"

#include <gmock/gmock.h>

#include <cmath>

#include "kuda/data/sources/pack.h"
#include "kuda/data/test_data.h"
#include "kuda/io/safetensors.h"
#include "kuda/tensor/tensor.h"

namespace kuda {
namespace {

using test::CaughtLog;
using test::data_file;
using testing::HasSubstr;

Dataset read_pickled(const std::string& name) { return read_mmsa(data_file("pickle/" + name)); }

std::string error_of_pickle(const std::string& name) {
  return test::error_of<DataError>([&] { (void)read_pickled(name); });
}

/// The stored frames of a clip with zeros up to the padded length.
torch::Tensor padded_clip(const Feature& feature, std::int64_t row) {
  const auto frames = feature.clip(row);
  return torch::constant_pad_nd(frames, {0, 0, 0, feature.padded_length - frames.size(0)}, 0);
}

void expect_equals_padded(const Feature& feature, const io::ArrayFile& expected, const std::string& key) {
  std::int64_t row = 0;
  for (const Split split : kSplits) {
    const auto array = io::to_tensor(expected.at(std::string(split_name(split)) + "/" + key)).to(torch::kFloat32);
    for (std::int64_t i = 0; i < array.size(0); ++i, ++row)
      EXPECT_TRUE(torch::equal(padded_clip(feature, row), array[i])) << key << " row " << row;
  }
}

TEST(Mmsa, ReadsClipsLabelsAndFacts) {
  const Dataset sims = read_pickled("sims_p4_np1.pkl");
  ASSERT_EQ(sims.clips.size(), 7U);
  EXPECT_EQ(sims.name, "sims_p4_np1");
  EXPECT_EQ(sims.language, "zh");
  EXPECT_EQ(sims.family, MetricFamily::sims);
  EXPECT_EQ(sims.score_high, 1);
  EXPECT_EQ(sims.clips[1].video_id, "video_0001");
  EXPECT_EQ(sims.clips[1].clip_id, "0001");
  EXPECT_EQ(sims.clips[1].id(), "video_0001$_$0001");
  EXPECT_EQ(sims.clips[1].text, "我很失望");
  EXPECT_EQ(sims.rows(Split::valid), (std::vector<std::int64_t>{3, 4}));
  for (const Modality m : kModalities) EXPECT_TRUE(sims.has_unimodal_labels(m));
  EXPECT_EQ(sims.vision->padded_length, 4);
  EXPECT_EQ(sims.vision->lengths, (std::vector<std::int64_t>{4, 3, 2, 4, 3, 4, 3}));
  EXPECT_EQ(sims.audio->width(), 3);
  EXPECT_EQ(sims.text_features->width(), 8);
  EXPECT_EQ(sims.text_bert.sizes(), (std::vector<std::int64_t>{7, 3, 5}));
  EXPECT_FALSE(sims.is_aligned);
  EXPECT_EQ(sims.source_sha256.size(), 64U);

  const Dataset mosi = read_pickled("mosi_p4_np2.pkl");
  EXPECT_EQ(mosi.family, MetricFamily::mosi);
  EXPECT_EQ(mosi.score_low, -3);
  EXPECT_EQ(mosi.language, "en");
  EXPECT_FALSE(mosi.has_unimodal_labels(Modality::text));
}

TEST(Mmsa, KeepsEveryValueOfThePaddedArrays) {
  for (const std::string name : {"sims", "mosi"}) {
    const auto expected = io::read_safetensors(data_file("pickle/" + name + ".expected.safetensors"));
    const Dataset data = read_pickled(name + "_p2_np1.pkl");
    expect_equals_padded(*data.vision, expected, "vision");
    expect_equals_padded(*data.audio, expected, "audio");
    expect_equals_padded(*data.text_features, expected, "text");
  }
}

TEST(Mmsa, EveryProtocolGivesTheSameDataSet) {
  const std::string sims = read_pickled("sims_p2_np1.pkl").fingerprint;
  for (const char* name : {"p0", "p1", "p2_np2", "p3_np1", "p3_np2", "p4_np1", "p4_np2", "p4_unframed", "p5_np1",
                           "p5_np2", "p5_unframed", "python2_style"})
    EXPECT_EQ(read_pickled(std::string("sims_") + name + ".pkl").fingerprint, sims) << name;
  const std::string mosi = read_pickled("mosi_p2_np1.pkl").fingerprint;
  for (const char* name : {"p2_np2", "p3_np1", "p3_np2", "p4_np1", "p4_np2", "p4_optimized", "p5_np1", "p5_np2"})
    EXPECT_EQ(read_pickled(std::string("mosi_") + name + ".pkl").fingerprint, mosi) << name;
  EXPECT_NE(sims, mosi);
}

TEST(Mmsa, FactsGivenWinOverThoseWorkedOut) {
  const Dataset data =
      read_mmsa(data_file("pickle/sims_p4_np1.pkl"),
                {.name = "mine", .language = "en", .family = MetricFamily::mosi, .score_range = {{-5, 5}}});
  EXPECT_EQ(data.name, "mine");
  EXPECT_EQ(data.language, "en");
  EXPECT_EQ(data.family, MetricFamily::mosi);
  EXPECT_EQ(data.score_high, 5);
}

TEST(Mmsa, SaysWhatIsMissing) {
  EXPECT_THAT(error_of_pickle("s_root_is_list.pkl"),
              HasSubstr("expected a dict with train, valid and test, found list"));
  EXPECT_THAT(error_of_pickle("empty_root_dict.pkl"), HasSubstr("expected the keys train, valid and test"));
  EXPECT_THAT(error_of_pickle("s_no_audio.pkl"), HasSubstr(".audio: the key is missing"));
  CaughtLog log;
  EXPECT_TRUE(read_pickled("s_no_test.pkl").rows(Split::test).empty());
  const Dataset unlabelled = read_pickled("s_no_labels.pkl");
  EXPECT_TRUE(std::isnan(unlabelled.clips[0].label)) << "clips to be scored need none";
  EXPECT_THAT(log.text(), HasSubstr("no regression_labels in train"));
}

TEST(Mmsa, SaysWhichShapesDoNotFit) {
  EXPECT_THAT(error_of_pickle("s_vision_rows.pkl"), HasSubstr("vision: has 2 rows, but train.id has 3"));
  EXPECT_THAT(error_of_pickle("s_audio_2d.pkl"), HasSubstr("audio: expected 3 dimensions [N, L, D], found [3, 18]"));
  EXPECT_THAT(error_of_pickle("s_text_bert_two_rows.pkl"), HasSubstr("text_bert: expected [N, 3, L]"));
  const auto widths = error_of_pickle("s_dims_differ_between_splits.pkl");
  EXPECT_THAT(widths, HasSubstr("feature widths differ"));
  EXPECT_THAT(widths, HasSubstr("train.audio has 3"));
  EXPECT_THAT(widths, HasSubstr("test.audio has 4"));
}

TEST(Mmsa, SaysWhichClipHasAnImpossibleValue) {
  EXPECT_THAT(error_of_pickle("s_labels_are_text.pkl"), HasSubstr("expected a number, found text"));
  EXPECT_TRUE(std::isnan(read_pickled("s_label_nan.pkl").clips[1].label)) << "NaN is an unknown label";
  EXPECT_THAT(error_of_pickle("s_length_negative.pkl"), HasSubstr("clip video_0"));
  EXPECT_THAT(error_of_pickle("s_length_negative.pkl"), HasSubstr("expected a length of 0 or more frames, found -"));
  EXPECT_THAT(error_of_pickle("s_token_id_fraction.pkl"), HasSubstr("expected a whole number, found"));
}

TEST(Mmsa, WarnsAboutWhatItCanRepair) {
  CaughtLog log;
  const Dataset too_long = read_pickled("s_length_too_long.pkl");
  EXPECT_THAT(log.text(), HasSubstr("declare more than the"));
  EXPECT_THAT(log.text(), HasSubstr("first: video_0"));

  const Dataset zero = read_pickled("s_length_zero.pkl");
  EXPECT_THAT(log.text(), HasSubstr("declare a length of 0 (first: video_0"));

  const Dataset nan = read_pickled("s_feature_nan.pkl");
  EXPECT_THAT(log.text(), HasSubstr("1 NaN, 0 +inf, 0 -inf in 1 clips (first: video_0"));
}

TEST(Mmsa, AlignedFilesTakeTheirLengthsFromTheText) {
  const Dataset data = read_mmsa(data_file("mmsa/aligned.pkl"));
  EXPECT_TRUE(data.is_aligned);
  EXPECT_EQ(data.vision->lengths, std::vector<std::int64_t>(7, 3));
  EXPECT_EQ(data.audio->lengths, (std::vector<std::int64_t>{4, 3, 3, 4, 3, 4, 3})) << "no real frame is hidden";
  EXPECT_EQ(data.vision->padded_length, 5);
  EXPECT_EQ(data.family, MetricFamily::mosi);
  EXPECT_FALSE(data.text_features.has_value());
}

TEST(Mmsa, ReadsUnusualButLegalFiles) {
  const Dataset data = read_mmsa(data_file("mmsa/odd.pkl"));
  EXPECT_EQ(data.clips[3].id(), "clip_valid_0");
  EXPECT_EQ(data.clips[0].text, "a b");
  EXPECT_EQ(data.clips[2].label, 1);
  EXPECT_TRUE(std::isnan(data.clips[0].unimodal_labels.text));
  EXPECT_EQ(data.audio->lengths, std::vector<std::int64_t>(7, 3));
  EXPECT_EQ(data.vision->lengths, std::vector<std::int64_t>(7, 2));
  EXPECT_EQ(data.vision->offsets[1], 4) << "frames beyond the declared length are kept";
  EXPECT_FLOAT_EQ(data.vision->clip(1)[3][1].item<float>(), 2.3F) << "float64 in Fortran order";
  EXPECT_EQ(data.audio->values.scalar_type(), torch::kFloat32) << "int16 in the file";
  EXPECT_EQ(data.audio->clip(2)[0][0].item<float>(), 3);
  EXPECT_FALSE(data.is_aligned);
}

TEST(Mmsa, TheRowOfTheFirstPieceIsNoPadding) {
  const auto counted = [](std::int64_t before, std::vector<float> values) {
    const auto frames = std::int64_t(values.size());
    auto plan = plan_packing({{io::make_array({1, frames, 1}, values), "x"}}, std::vector<std::int64_t>{frames});
    plan.rows_before_words = before;
    return fill_packed(plan, values.data()).clips_leading_zero;
  };
  EXPECT_EQ(counted(0, {0, 5, 6}), 1);
  EXPECT_EQ(counted(1, {0, 5, 6}), 0) << "[CLS] has no frame";
  EXPECT_EQ(counted(1, {0, 0, 6}), 1);
  EXPECT_EQ(counted(1, {0, 0}), 0) << "zero throughout";
}

TEST(Mmsa, WarnsAboutPaddingOnTheLeft) {
  CaughtLog log;
  const Dataset data = read_mmsa(data_file("mmsa/left_padded.pkl"));
  EXPECT_THAT(log.text(), HasSubstr("vision: 7 of 7 clips start with zero frames, as if padded on the left"));
  EXPECT_EQ(data.clips[0].text, "");
  EXPECT_EQ(data.vision->offsets[1], 6);
}

TEST(Mmsa, ReadsTheRealUtteranceFile) {
  const auto path = test::shared_file("data/mosi/mosi_utterance.pkl");
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "no shared data";
  const Dataset mosi = read_mmsa(path);
  EXPECT_EQ(mosi.name, "mosi");
  EXPECT_EQ(mosi.language, "en");
  EXPECT_EQ(mosi.family, MetricFamily::mosi);
  EXPECT_EQ(mosi.rows(Split::train).size(), 1284U);
  EXPECT_EQ(mosi.rows(Split::valid).size(), 229U);
  EXPECT_EQ(mosi.rows(Split::test).size(), 686U);
  EXPECT_EQ(mosi.audio->values.sizes(), (std::vector<std::int64_t>{2199, 73}));
  EXPECT_EQ(mosi.vision->values.sizes(), (std::vector<std::int64_t>{2199, 100}));
  EXPECT_EQ(mosi.clips[0].id(), "03bSnISJMiM$_$11");
  EXPECT_FLOAT_EQ(mosi.clips[1].label, -1.2F);
  EXPECT_TRUE(mosi.vision->extractor.starts_with("stand-in")) << "known by its SHA-256";
  EXPECT_FALSE(mosi.text_features.has_value());
  EXPECT_EQ(mosi.text_bert[0][0][1].item<int>(), 1037);
}

}  // namespace
}  // namespace kuda
