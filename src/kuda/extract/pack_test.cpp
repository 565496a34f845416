#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kuda/base/file.h"
#include "kuda/base/test_support.h"
#include "kuda/data/collate.h"
#include "kuda/data/sources/prepared.h"
#include "kuda/data/sources/recipe_file.h"
#include "kuda/data/token_source.h"
#include "kuda/extract/extraction_report.h"
#include "kuda/extract/pack_clips.h"
#include "kuda/extract/test_source.h"
#include "kuda/text/tokenizer_folder.h"

namespace kuda {
namespace {

namespace fs = std::filesystem;
using test::error_of;
using test::extract_texts;
using test::scratch;
using test::scratch_folder;
using test::write_videos;
using testing::AllOf;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Pair;

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

PackOptions generous(PackText text = PackText::given) {
  PackOptions options;
  options.text = text;
  options.most_failures = 0.2;
  return options;
}

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

TEST(PackClips, TheNewestReportThatTriedAClipCounts) {
  const auto videos = write_videos(scratch_folder("two"), {{"a.mp4", "face 4 first"}, {"b.mp4", "face 4 other"}});
  const auto packed = [] {
    PackOptions options;
    options.most_failures = 0.5;
    std::vector<std::string> texts;
    for (const auto& clip : pack_clips(ExtractionFolder(scratch("out")), scratch("set"), options).dataset.clips)
      texts.push_back(clip.text);
    return texts;
  };
  for (const std::size_t index : {1U, 2U}) (void)extract_texts(videos, scratch("out"), shard(index, 2));
  write_file(videos / "a.mp4", "face 4 replaced");
  (void)extract_texts(videos, scratch("out"), shard(1, 1));
  EXPECT_THAT(packed(), ElementsAre("replaced", "other")) << "the reports of the shards are older";
  write_file(videos / "a.mp4", "broken");
  (void)extract_texts(videos, scratch("out"), shard(1, 1));
  EXPECT_THAT(packed(), ElementsAre("other")) << "what failed last is left out";
}

TEST(PackClips, ReportsOfOtherClipsSayNothing) {
  const auto videos = write_videos(scratch_folder("two"), {{"a.mp4", "face 4 first"}});
  (void)extract_texts(videos, scratch("out"), shard(1, 1));
  write_file(videos / "b.mp4", "face 4 other");
  const ExtractionFolder folder(scratch("out"));
  std::vector<Clip> clips;
  for (const auto& media : list_media(videos)) clips.push_back(media.clip);
  folder.begin(test::small_recipe(), folder.source(), clips);  // and then the process is killed
  EXPECT_THAT(error_of<DataError>([&] { (void)pack_clips(folder, scratch("set"), generous()); }),
              HasSubstr("2 of 2 clips are in no report"));
  EXPECT_THAT(error_of<DataError>([&] { folder.begin(test::small_recipe(), "others", clips); }),
              HasSubstr("these are of 'others'"));
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

TEST(PackClips, ClipsOfTwoRecipesAreNotPutTogether) {
  (void)extract_texts(five_clips(), scratch("out"), shard(1, 1));
  auto other = test::small_recipe();
  other.version = 1;  // as where the shards of two machines were copied into one folder
  write_file(scratch("out") / "recipe.toml", other.to_toml());
  EXPECT_THAT(
      error_of<DataError>([&] { (void)pack_clips(ExtractionFolder(scratch("out")), scratch("set"), generous()); }),
      AllOf(HasSubstr("expected a clip of the recipe " + other.fingerprint().substr(0, 16)),
            HasSubstr("found one of " + test::small_recipe().fingerprint().substr(0, 16))));
}

/// One clip with given frames and words; no report is written.
void write_clip(const fs::path& out, const std::string& key, const std::vector<HeardWord>& words,
                std::int64_t seconds) {
  ExtractedClip clip;
  for (const auto& word : words) clip.transcript += (clip.transcript.empty() ? "" : " ") + word.text;
  clip.words = words;
  clip.language = "en";
  std::vector<float> vision, audio;
  for (std::int64_t i = 0; i < 10 * seconds; ++i) vision.insert(vision.end(), {float(i), 1});
  for (std::int64_t i = 0; i < 100 * seconds; ++i) audio.insert(audio.end(), {float(i), float(-i), 1});
  clip.vision = io::make_array({10 * seconds, 2}, vision);
  clip.audio = io::make_array({100 * seconds, 3}, audio);
  write_extracted(ExtractionFolder(out).clip(sha256(key)), clip);
}

/// Three clips: words at known times, a given text that differs from them, no word at all.
fs::path clips_with_words(const std::string& given = "ab not c") {
  const auto out = scratch_folder("words");
  std::vector<Clip> clips(3);
  for (std::size_t i = 0; i < clips.size(); ++i) {
    clips[i].video_id = "v";
    clips[i].clip_id = std::to_string(i + 1);
    clips[i].label = 0.5F;
  }
  clips[1].text = given;
  const ExtractionFolder folder(out);
  folder.begin(test::small_recipe(), "words", clips);
  write_clip(out, "k1", {{"ab", 0.5, 1, 0.9}, {"c.", 1.5, 2, 0.9}}, 3);
  write_clip(out, "k2", {{"ab", 0, 1, 0.9}, {"c", 2, 3, 0.9}}, 3);
  write_clip(out, "k3", {}, 2);
  std::vector<ExtractionRow> rows;
  for (const char* number : {"1", "2", "3"})
    rows.push_back({std::string("v$_$") + number, "", sha256(std::string("k") + number), "", {}, 0});
  write_file(folder.report({1, 1}), report_csv(rows));
  return out;
}

TEST(PackClips, ABlankTextIsNone) {
  const auto out = clips_with_words("  ");
  EXPECT_EQ(pack_clips(ExtractionFolder(out), scratch("set")).dataset.clips[1].text, "ab c");
}

PackOptions by_words() {
  scratch_folder("encoder");
  write_file(scratch("encoder") / "vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n.\nab\nnot\nc\n");
  PackOptions options;
  options.align = PackAlign::words;
  options.encoder = scratch("encoder");
  return options;
}

TEST(PackClips, ByWordsEachPieceHasARowOfEachModality) {
  const auto packed = pack_clips(ExtractionFolder(clips_with_words()), scratch("set"), by_words());
  const auto& data = packed.dataset;
  EXPECT_TRUE(data.is_aligned);
  EXPECT_THAT(data.vision->lengths, ElementsAre(5, 5, 0)) << "[CLS] ab c . [SEP], [CLS] ab not c [SEP], no word";
  EXPECT_EQ(data.audio->lengths, data.vision->lengths);
  EXPECT_EQ(data.vision->padded_length, 5);
  EXPECT_EQ(data.audio->padded_length, 5);
  EXPECT_EQ(data.text_bert.size(2), 5);
  EXPECT_EQ(packed.missing.vision, 1U);
  EXPECT_THAT(packed.languages, ElementsAre(Pair("en", 2U))) << "of the clips in which there is a word";
  EXPECT_EQ(data.vision->rate, 0) << "rows are no frames a second";
  const auto column = [&](const Feature& feature, std::int64_t row) {
    const auto values = feature.clip(row).select(1, 0).contiguous();
    return std::vector<float>(values.const_data_ptr<float>(), values.const_data_ptr<float>() + values.numel());
  };
  EXPECT_THAT(column(*data.vision, 0), ElementsAre(0, 7, 17, 17, 0)) << "frames 5 to 9 and 15 to 19";
  EXPECT_THAT(column(*data.audio, 0), ElementsAre(0, 74.5F, 174.5F, 174.5F, 0));
  EXPECT_THAT(column(*data.vision, 1), ElementsAre(0, 4.5F, 14.5F, 24.5F, 0)) << "\"not\" has the pause";
  const auto tokenizer = load_tokenizer(scratch("encoder"));
  EXPECT_EQ(token_agreement(data, tokenizer).equal, 2) << "the clip without words is not compared";
  EXPECT_EQ(data.text_bert[0][1].sum().item<int>(), 5);
  EXPECT_EQ(data.text_bert[2][1].sum().item<int>(), 2);

  DataConfig config;
  const auto batch = Collator(data, &tokenizer, config)({0, 1, 2});
  EXPECT_EQ(batch.vision.values.size(1), batch.text_ids.size(1));
  EXPECT_EQ(batch.audio.values.size(1), batch.text_ids.size(1));
  EXPECT_TRUE(batch.vision.padding.slice(0, 0, 2).equal(batch.text_padding.slice(0, 0, 2)));
  EXPECT_TRUE(batch.vision.missing[2].item<bool>());
}

/// Two clips whose second column of audio was made by the openSMILE that is named.
fs::path clips_of_opensmile(const std::string& first, const std::string& second) {
  const auto out = scratch_folder("smile");
  auto recipe = test::small_recipe();
  recipe.audio.columns = {"f0", "egemaps_Loudness_sma3", "energy"};
  std::vector<Clip> clips(2);
  clips[0].video_id = "a";
  clips[1].video_id = "b";
  const ExtractionFolder folder(out);
  folder.begin(recipe, "smile", clips);
  std::vector<ExtractionRow> rows;
  for (const auto& [id, library] : {std::pair("a", first), std::pair("b", second)}) {
    ExtractedClip clip;
    clip.audio = test::frames_from(id, 4, 3);
    clip.opensmile = library;
    rows.push_back({id, "", sha256(id), "", {}, 0});
    write_extracted(folder.clip(rows.back().key), clip);
  }
  write_file(folder.report({1, 1}), report_csv(rows));
  return out;
}

TEST(PackClips, ColumnsOfOpenSmileAreOfOneLibraryThatTheCardNames) {
  const auto pack = [](const fs::path& out) { return pack_clips(ExtractionFolder(out), scratch("set")).dataset; };
  const auto data = pack(clips_of_opensmile("openSMILE, SHA-256 a", "openSMILE, SHA-256 a"));
  EXPECT_THAT(data.audio->extractor, EndsWith("; openSMILE, SHA-256 a"));
  EXPECT_EQ(read_prepared(scratch("set")).audio->extractor, data.audio->extractor);
  for (const char* other : {"openSMILE, SHA-256 b", ""})
    EXPECT_THAT(error_of<DataError>([&] { (void)pack(clips_of_opensmile("openSMILE, SHA-256 a", other)); }),
                AllOf(HasSubstr("columns of openSMILE: expected those of the clips before ("),
                      HasSubstr("openSMILE, SHA-256 a), found "), HasSubstr("remove the clips of one of them")));
  const auto before = pack(clips_of_opensmile("", ""));
  EXPECT_THAT(before.audio->extractor, EndsWith("; an openSMILE that was not recorded"));
  EXPECT_EQ(before.fingerprint, data.fingerprint) << "who made the columns is beside the fingerprint";
}

TEST(PackClips, ByWordsNeedsAnEncoder) {
  auto options = by_words();
  options.encoder.clear();
  EXPECT_THAT(
      error_of<UsageError>([&] { (void)pack_clips(ExtractionFolder(clips_with_words()), scratch("set"), options); }),
      HasSubstr("--align words needs the text encoder"));
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
