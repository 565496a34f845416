#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kuda/base/file.h"
#include "kuda/base/test_support.h"
#include "kuda/data/collate.h"
#include "kuda/data/sources/prepared.h"
#include "kuda/data/sources/recipe_file.h"
#include "kuda/extract/pack_clips.h"
#include "kuda/extract/test_source.h"

namespace kuda {
namespace {

namespace fs = std::filesystem;
using test::error_of;
using test::extract_texts;
using test::scratch;
using test::scratch_folder;
using test::write_videos;
using testing::ElementsAre;
using testing::HasSubstr;

/// Five clips with a table: one without a face, one without words, one that is broken.
fs::path five_clips() {
  const auto folder = write_videos(scratch_folder("five"), {{"Raw/v/1.mp4", "face 4 what was heard"},
                                                            {"Raw/v/2.mp4", "dark 3 heard again"},
                                                            {"Raw/v/3.mp4", "face 2"},
                                                            {"Raw/w/1.mp4", "broken"},
                                                            {"Raw/w/2.mp4", "face 6 at last"}});
  write_file(folder / "label.csv",
             "video_id,clip_id,text,label,mode\nv,1,what was written,0.5,train\nv,2,,-0.5,train\nv,3,,0,valid\n"
             "w,1,lost,1,test\nw,2,,1,test\n");
  return folder;
}

ExtractOptions shard(std::size_t index, std::size_t count) {
  ExtractOptions options;
  options.shard = {index, count};
  options.most_failures = 1;
  return options;
}

PackOptions generous(PackText text = PackText::given) { return {.text = text, .facts = {}, .most_failures = 0.2}; }

TEST(PackClips, ShardsGiveTheBytesOfTheWhole) {
  const auto videos = five_clips();
  (void)extract_texts(videos, scratch("whole"), shard(1, 1));
  for (const std::size_t index : {2, 3, 1}) (void)extract_texts(videos, scratch("parts"), shard(index, 3));
  (void)pack_clips(ExtractionFolder(scratch("whole")), scratch("a"), generous());
  (void)pack_clips(ExtractionFolder(scratch("parts")), scratch("b"), generous());
  std::size_t files = 0;
  for (const auto& entry : fs::directory_iterator(scratch("a"))) {
    EXPECT_EQ(read_file(entry.path()), read_file(scratch("b") / entry.path().filename())) << entry.path();
    ++files;
  }
  EXPECT_EQ(files, 4U) << "dataset.toml, clips.csv, features.safetensors, recipe.toml";
}

TEST(PackClips, WhatAClipLacksIsMasked) {
  (void)extract_texts(five_clips(), scratch("out"), shard(1, 1));
  const auto packed = pack_clips(ExtractionFolder(scratch("out")), scratch("set"), generous());
  const auto& data = packed.dataset;
  ASSERT_EQ(data.clips.size(), 4U);
  EXPECT_THAT(packed.left_out, ElementsAre(HasSubstr("w$_$1: ")));
  EXPECT_EQ(packed.missing.vision, 1U);
  EXPECT_EQ(packed.missing.audio, 0U);
  EXPECT_EQ(packed.missing.text, 1U);
  EXPECT_THAT(data.vision->lengths, ElementsAre(4, 0, 2, 6));
  EXPECT_THAT(data.audio->lengths, ElementsAre(8, 6, 4, 12));
  EXPECT_DOUBLE_EQ(data.vision->rate, 10);
  EXPECT_DOUBLE_EQ(data.audio->rate, 100);
  DataConfig config;
  config.modalities = {"vision", "audio"};
  const auto batch = Collator(data, nullptr, config)({0, 1});
  EXPECT_FALSE(batch.vision.missing[0].item<bool>());
  EXPECT_TRUE(batch.vision.missing[1].item<bool>());
  EXPECT_FALSE(batch.audio.missing[1].item<bool>());
}

TEST(PackClips, GivenWordsWinUnlessRecognisedOnesAreAskedFor) {
  (void)extract_texts(five_clips(), scratch("out"), shard(1, 1));
  const auto texts = [&](PackText text) {
    std::vector<std::string> list;
    for (const auto& clip : pack_clips(ExtractionFolder(scratch("out")), scratch("set"), generous(text)).dataset.clips)
      list.push_back(clip.text);
    return list;
  };
  EXPECT_THAT(texts(PackText::given), ElementsAre("what was written", "heard again", "", "at last"));
  EXPECT_THAT(texts(PackText::recognised), ElementsAre("what was heard", "heard again", "", "at last"));
}

TEST(PackClips, TheRecipeLiesBesideTheFeatures) {
  (void)extract_texts(five_clips(), scratch("out"), shard(1, 1));
  const auto packed = pack_clips(ExtractionFolder(scratch("out")), scratch("set"), generous());
  EXPECT_EQ(recipe_of(packed.dataset), test::small_recipe().to_toml());
  EXPECT_EQ(packed.dataset.vision->extractor,
            "kuda data extract, recipe " + test::small_recipe().fingerprint().substr(0, 16));
  EXPECT_EQ(packed.dataset.name, "five");
  (void)pack_clips(ExtractionFolder(scratch("out")), scratch("set"), generous());  // replaces its own
}

TEST(PackClips, NothingIsSilentlyMissing) {
  const auto videos = five_clips();
  (void)extract_texts(videos, scratch("out"), shard(1, 2));
  const auto pack = [&] { (void)pack_clips(ExtractionFolder(scratch("out")), scratch("set"), generous()); };
  EXPECT_THAT(error_of<DataError>(pack), HasSubstr("2 of 5 clips are in no report, the first is v$_$2"));
  (void)extract_texts(videos, scratch("out"), shard(2, 2));
  EXPECT_THAT(error_of<DataError>([&] { (void)pack_clips(ExtractionFolder(scratch("out")), scratch("set")); }),
              HasSubstr("1 of 5 clips failed, more than the share of 0.1 that is allowed; the first is w$_$1"));
  pack();
  fs::remove_all(scratch("out") / "clips");
  EXPECT_THAT(error_of<DataError>(pack), HasSubstr(".safetensors: "));
  EXPECT_THAT(error_of<DataError>([&] { (void)pack_clips(ExtractionFolder(scratch("set")), scratch("new")); }),
              HasSubstr("not a folder of `kuda data extract`"));
  EXPECT_TRUE(fs::exists(scratch("set") / "dataset.toml")) << "the old set stays";
}

}  // namespace
}  // namespace kuda
