#include "kuda/extract/media_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kuda/base/file.h"
#include "kuda/base/test_support.h"
#include "kuda/extract/test_source.h"

namespace kuda {
namespace {

using test::error_of;
using test::scratch_folder;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> ids_of(const std::vector<MediaClip>& list) {
  std::vector<std::string> ids;
  for (const auto& media : list) ids.push_back(media.clip.id());
  return ids;
}

TEST(MediaList, RowsOfATableFindTheirFiles) {
  const auto folder = test::write_videos(scratch_folder("set"), {{"Raw/v1/0001.mp4", "a"},
                                                                 {"Raw/v1/0002.MKV", "b"},
                                                                 {"Raw/v1/0009.mp4", "in no row"},
                                                                 {"Raw/v2/1.mp4", "c"},
                                                                 {"Raw/v2/1.wav", "c"},
                                                                 {"Raw/v2/notes.txt", "x"}});
  write_file(folder / "label.csv",
             "video_id,clip_id,text,label,label_T,mode\nv1,0002,second,0.4,,valid\nv1,0001,first,-1,-0.8,train\n"
             "v2,1,two files,0,,test\nv3,7,no file,0,,test\n../v1,0001,out of the folder,0,,test\n");
  const test::CaughtLog log;
  const auto list = list_media(folder);
  EXPECT_THAT(ids_of(list), ElementsAre("v1$_$0002", "v1$_$0001", "v2$_$1", "v3$_$7", "../v1$_$0001"));
  EXPECT_EQ(list[0].file, folder / "Raw/v1/0002.MKV");
  EXPECT_EQ(list[0].clip.split, Split::valid);
  EXPECT_EQ(list[0].clip.text, "second");
  EXPECT_EQ(list[1].file, folder / "Raw/v1/0001.mp4");
  EXPECT_FLOAT_EQ(list[1].clip.unimodal_labels.text, -0.8F);
  EXPECT_TRUE(list[2].file.empty());
  EXPECT_THAT(list[2].problem, HasSubstr("expected one media file, found 1.mp4, 1.wav"));
  EXPECT_THAT(list[3].problem, HasSubstr("there is no " + (folder / "Raw/v3/7.mp4").string()));
  EXPECT_THAT(list[4].problem, HasSubstr("its id is no name of a file"));
  EXPECT_THAT(log.text(), HasSubstr("3 media files beside its clips are in no row"));
}

TEST(MediaList, FilesOfAFolderAreClipsWithoutLabels) {
  const auto folder =
      test::write_videos(scratch_folder("clips"),
                         {{"b.mp4", ""}, {"a.webm", ""}, {".hidden.mp4", ""}, {"notes.txt", ""}, {"talk/01.mp4", ""}});
  const auto list = list_media(folder);
  EXPECT_THAT(ids_of(list), ElementsAre("a", "b", "talk$_$01"));
  EXPECT_EQ(list[0].clip.split, Split::test);
  EXPECT_TRUE(std::isnan(list[0].clip.label));
  EXPECT_THAT(ids_of(list_media(folder / "b.mp4")), ElementsAre("b"));
}

TEST(MediaList, SubtitlesCutALongVideo) {
  const auto folder = test::write_videos(
      scratch_folder("talk"),
      {{"talk.mp4", ""},
       {"talk.srt", "1\n00:00:01,000 --> 00:00:02,500\nA fine film\n\n2\n00:01:00,000 --> 00:01:02,000\nand long\n"}});
  const auto list = list_media(folder / "talk.mp4", folder / "talk.srt");
  ASSERT_THAT(ids_of(list), ElementsAre("talk$_$0001", "talk$_$0002"));
  EXPECT_EQ(list[0].clip.text, "A fine film");
  EXPECT_DOUBLE_EQ(list[0].begin, 1);
  EXPECT_DOUBLE_EQ(list[0].end.value(), 2.5);
  EXPECT_DOUBLE_EQ(list[1].begin, 60);
  EXPECT_THAT(error_of<DataError>([&] { (void)list_media(folder, folder / "talk.srt"); }),
              HasSubstr("subtitles go with one video"));
}

TEST(MediaList, NamesWhatIsWrong) {
  const auto folder = scratch_folder("empty");
  EXPECT_THAT(error_of<DataError>([&] { (void)list_media(folder); }), HasSubstr("expected media files (.mp4"));
  EXPECT_THAT(error_of<DataError>([&] { (void)list_media(folder / "none"); }), HasSubstr("found nothing"));
  test::write_videos(folder, {{"a.mp4", ""}, {"a.wav", ""}});
  EXPECT_THAT(error_of<DataError>([&] { (void)list_media(folder); }),
              HasSubstr("expected one media file for clip 'a', found a.mp4, a.wav"));
  write_file(folder / "label.csv", "video_id,clip_id,text,label,mode\nv,1,a,0,train\nv,1,b,0,test\n");
  EXPECT_THAT(error_of<DataError>([&] { (void)list_media(folder); }), HasSubstr("'v$_$1' is the id of 2 clips"));
  write_file(folder / "label.csv", "video_id,clip_id,text,label,mode\nv,1,a,x,train\n");
  EXPECT_THAT(error_of<DataError>([&] { (void)list_media(folder); }),
              HasSubstr("label.csv:2: label: expected a finite number or nothing, found 'x'"));
  write_file(folder / "label.csv", "video_id,clip_id,text,label,mode\n");
  EXPECT_THAT(error_of<DataError>([&] { (void)list_media(folder); }), HasSubstr("label.csv: expected a row for each"));
  write_file(folder / "label.csv", "video_id,clip_id,text\nv,1,a\n");
  EXPECT_THAT(error_of<DataError>([&] { (void)list_media(folder); }), HasSubstr("mode"));
}

}  // namespace
}  // namespace kuda
