// label.csv with one array per modality.

#include "kuda/data/sources/table_import.h"

#include <gmock/gmock.h>

#include "kuda/base/file.h"
#include "kuda/data/sources/mmsa.h"
#include "kuda/data/sources/prepared.h"
#include "kuda/data/test_data.h"
#include "kuda/io/npy.h"
#include "kuda/io/safetensors.h"

namespace kuda {
namespace {

using test::scratch;
using test::shared_file;
using testing::HasSubstr;

constexpr const char* kTable =
    "video_id,clip_id,text,label,annotation,mode\nv,0001,hello,0.5,Positive,train\nv,0002,\"a, b\",-2,Negative,test\n";

TableSources sources_with(const std::map<std::string, io::Array>& arrays) {
  write_file(scratch("label.csv"), kTable);
  io::write_safetensors(scratch("features.safetensors"), arrays);
  TableSources sources;
  sources.labels = scratch("label.csv");
  sources.feature.vision = scratch("features.safetensors");
  return sources;
}

TEST(TableImport, ReadsSequencesWithAndWithoutLengths) {
  const auto values = io::make_array({2, 3, 1}, std::vector<float>{1, 2, 0, 3, 0, 0});
  const Dataset without = import_table(sources_with({{"vision", values}}), scratch("without"));
  EXPECT_EQ(without.vision->lengths, (std::vector<std::int64_t>{2, 1}));
  EXPECT_EQ(without.vision->padded_length, 3);
  EXPECT_EQ(without.clips[0].clip_id, "0001");
  EXPECT_EQ(without.clips[1].text, "a, b");
  EXPECT_EQ(without.clips[1].split, Split::test);
  EXPECT_EQ(without.family, MetricFamily::mosi) << "a label of -2 is no CH-SIMS label";
  const auto lengths = io::make_array({2}, std::vector<std::int64_t>{3, 0});
  const Dataset with = import_table(sources_with({{"vision", values}, {"vision_lengths", lengths}}), scratch("with"));
  EXPECT_EQ(with.vision->lengths, (std::vector<std::int64_t>{3, 0}));
  EXPECT_EQ(with.vision->offsets.back(), 4) << "the frame beyond the declared length is kept";
}

TEST(TableImport, NamesBothCountsWhenRowsDiffer) {
  const auto values = io::make_array({3, 1}, std::vector<float>{1, 2, 3});
  EXPECT_THAT(test::error_of<DataError>([&] {
                import_table(sources_with({{"vision", values}}), scratch("set"));
              }),
              HasSubstr("features.safetensors: vision: has 3 rows, but"));
}

TEST(TableImport, NamesTheArraysOfAnArchiveThatHasNoneOfThatName) {
  const auto values = io::make_array({2, 1}, std::vector<float>{1, 2});
  EXPECT_THAT(test::error_of<DataError>([&] {
                import_table(sources_with({{"a", values}, {"b", values}}), scratch("set"));
              }),
              HasSubstr("expected an array named vision, found a, b"));
}

TEST(TableImport, TakesAPlainLengthsKeyOfTheOnlyFeature) {
  const auto values = io::make_array({2, 3, 1}, std::vector<float>{1, 2, 5, 3, 0, 0});
  const auto lengths = io::make_array({2}, std::vector<std::int64_t>{2, 1});
  for (const char* key : {"lengths", "length", "vision_lengths", "Vision_Lengths"}) {
    const Dataset data = import_table(sources_with({{"vision", values}, {key, lengths}}), scratch("set"));
    EXPECT_EQ(data.vision->lengths, (std::vector<std::int64_t>{2, 1})) << key;
  }
  const test::CaughtLog log;
  const Dataset data =
      import_table(sources_with({{"vision", values}, {"audio", values}, {"lengths", lengths}}), scratch("set"));
  EXPECT_EQ(data.vision->lengths, (std::vector<std::int64_t>{3, 1})) << "whose lengths these are is unknown";
  EXPECT_THAT(log.text(), HasSubstr("features.safetensors: arrays not used: audio (--audio "));
  EXPECT_THAT(log.text(), HasSubstr("takes it), lengths"));
}

TEST(TableImport, TakesTheOnlySequenceAndOtherNamesOfAModality) {
  const auto values = io::make_array({2, 3, 1}, std::vector<float>{1, 2, 5, 3, 0, 0});
  const auto numbers = io::make_array({2}, std::vector<std::int64_t>{2, 1});
  for (const char* key : {"features", "Visual", "VISION"}) {
    const test::CaughtLog log;
    const Dataset data = import_table(sources_with({{key, values}, {"label", numbers}}), scratch("set"));
    EXPECT_EQ(data.vision->width(), 1) << key;
    EXPECT_THAT(log.text(), HasSubstr("'" + std::string(key) + "' is taken for vision")) << key;
    EXPECT_THAT(log.text(), HasSubstr("arrays not used: label")) << key;
  }
}

TEST(TableImport, NamesObjectArrays) {
  TableSources sources = sources_with({});
  const auto message = [&](const char* file) {
    sources.feature.vision = test::data_file(file);
    return test::error_of<DataError>([&] { import_table(sources, scratch("set")); });
  };
  EXPECT_THAT(message("numpy/objects.npy"), HasSubstr("objects.npy: vision holds objects (ragged)"));
  EXPECT_THAT(message("numpy/ragged.npz"), HasSubstr("ragged.npz: vision holds objects (ragged)"));
  EXPECT_THAT(message("numpy/ragged.npz"), HasSubstr("np.savez('vision.npz'"));
}

TEST(TableImport, ReadsEveryKindOfArrayFile) {
  write_file(scratch("label.csv"), kTable);
  const auto values = io::make_array({2, 3, 1}, std::vector<float>{1, 2, 0, 3, 0, 0});
  TableSources sources = sources_with({{"vision", values}});
  sources.feature.audio = test::data_file("numpy/big_endian.npy");  // [2, 3]: one frame per clip
  const Dataset data = import_table(sources, scratch("set"), {.extractor = {"", "OpenFace", ""}});
  EXPECT_EQ(data.audio->lengths, (std::vector<std::int64_t>{1, 1}));
  EXPECT_EQ(data.vision->extractor, "OpenFace");
  EXPECT_EQ(data.vision->finite, Finite::yes) << "seen while it was packed";
  write_prepared(scratch("again"), data);
  for (const char* file : {"clips.csv", "features.safetensors"})
    EXPECT_EQ(read_file(scratch("again") / file), read_file(scratch("set") / file)) << file;
}

TEST(TableImport, AnExtractorBelongsToAnArray) {
  const auto values = io::make_array({2, 1}, std::vector<float>{1, 2});
  EXPECT_THAT(test::error_of<UsageError>([&] {
                import_table(sources_with({{"vision", values}}), scratch("set"), {.extractor = {"", "", "COVAREP"}});
              }),
              HasSubstr("--audio-extractor"));
}

TEST(TableImport, NeedsTextOrAnArray) {
  write_file(scratch("label.csv"), "video_id,clip_id,label,mode\nv,1,0.5,train\n");
  TableSources sources;
  sources.labels = scratch("label.csv");
  EXPECT_THAT(test::error_of<DataError>([&] { import_table(sources, scratch("set")); }),
              HasSubstr("has no text, and no array"));
}

TEST(TableImport, TextAloneIsADataSet) {
  write_file(scratch("label.csv"), kTable);
  TableSources sources;
  sources.labels = scratch("label.csv");
  const Dataset data = import_table(sources, scratch("texts"), {.name = "texts"});
  EXPECT_FALSE(data.vision.has_value());
  EXPECT_EQ(data.name, "texts");
  EXPECT_EQ(data.clips[1].text, "a, b");
  write_prepared(scratch("again"), data);
  for (const char* file : {"clips.csv", "features.safetensors"})
    EXPECT_EQ(read_file(scratch("again") / file), read_file(scratch("texts") / file)) << file;
  EXPECT_THAT(test::error_of<DataError>([&] { (void)open_dataset(sources.labels); }),
              HasSubstr("kuda data import " + sources.labels.string() + " FOLDER"));
}

TEST(TableImport, RealMosiArraysEqualTheFeatureFile) {
  TableSources sources;
  sources.labels = shared_file("data/mosi/label.csv");
  if (!std::filesystem::exists(sources.labels)) GTEST_SKIP() << "no shared data";
  sources.feature.vision = shared_file("data/mosi/standin_100.npy");
  sources.feature.audio = shared_file("data/mosi/audio.npy");
  const Dataset table = import_table(sources, scratch("mosi"));
  EXPECT_EQ(table.name, "mosi");
  EXPECT_EQ(table.vision->lengths, std::vector<std::int64_t>(2199, 1));
  const Dataset pickled = read_mmsa(shared_file("data/mosi/mosi_utterance.pkl"));
  std::map<std::string, std::int64_t> row_of;
  for (std::size_t i = 0; i < table.clips.size(); ++i) row_of[table.clips[i].id()] = std::int64_t(i);
  for (std::size_t i = 0; i < pickled.clips.size(); ++i) {
    const auto row = row_of.at(pickled.clips[i].id());
    EXPECT_EQ(table.clips[std::size_t(row)].label, pickled.clips[i].label);
    EXPECT_EQ(table.clips[std::size_t(row)].split, pickled.clips[i].split);
    ASSERT_TRUE(torch::equal(table.audio->clip(row), pickled.audio->clip(std::int64_t(i))));
    ASSERT_TRUE(torch::equal(table.vision->clip(row), pickled.vision->clip(std::int64_t(i))));
  }
}

}  // namespace
}  // namespace kuda
