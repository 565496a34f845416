// Tables of clips in the spellings that people use.

#include "kuda/data/sources/clips_csv.h"

#include <gmock/gmock.h>

#include <cmath>

#include "kuda/base/file.h"
#include "kuda/data/sources/clip_columns.h"
#include "kuda/data/test_data.h"

namespace kuda {
namespace {

using test::error_of;
using testing::AllOf;
using testing::HasSubstr;

/// The clips of a table, and what the log said.
struct Read {
  std::vector<Clip> clips;
  std::string log;
};

Read read(const std::string& text, ClipTable layout = ClipTable::mmsa) {
  write_file(test::scratch("table.csv"), text);
  const test::CaughtLog log;
  auto clips = read_clips_csv(test::scratch("table.csv"), layout);
  return {std::move(clips), log.text()};
}

std::string error(const std::string& text) {
  return error_of<DataError>([&] { (void)read(text); });
}

TEST(ClipTableReader, SaysNothingOfATableAsItShouldBe) {
  const auto found = read("video_id,clip_id,text,label,label_T,annotation,mode\nv,0001,hello,0.5,-1,Positive,train\n");
  EXPECT_EQ(found.log, "");
  EXPECT_EQ(found.clips.at(0).id(), "v$_$0001");
}

TEST(ClipTableReader, TakesColumnsByCaseAndByOtherNamesAndSaysSo) {
  const auto found = read("Video ID,Clip-ID,Text,Sentiment,Label_T,Label A,SPLIT\nv,1,hello,0.5,-1,0.25,test\n");
  const Clip& clip = found.clips.at(0);
  EXPECT_EQ(clip.id(), "v$_$1");
  EXPECT_EQ(clip.text, "hello");
  EXPECT_EQ(clip.split, Split::test);
  EXPECT_EQ(clip.label, 0.5F);
  EXPECT_EQ(clip.unimodal_labels.text, -1);
  EXPECT_EQ(clip.unimodal_labels.audio, 0.25F);
  EXPECT_THAT(found.log, AllOf(HasSubstr("'Text' is taken for text"), HasSubstr("'Sentiment' is taken for label"),
                               HasSubstr("'Label_T' is taken for label_T"), HasSubstr("'SPLIT' is taken for mode")));
}

TEST(ClipTableReader, NamesColumnsThatItDoesNotUse) {
  const auto found = read(",video_id,clip_id,txet,label,annotation,mode,speaker\n0,v,1,hello,0.5,Positive,train,Ann\n");
  EXPECT_EQ(found.clips.at(0).text, "");
  EXPECT_THAT(found.log, HasSubstr("columns not used: column 1 (no name), txet, speaker\n"));
  EXPECT_THAT(found.log, HasSubstr("the column 'txet' is not used: did you mean 'text'?"));
}

TEST(ClipTableReader, AnExactNameIsTakenBeforeAnotherSpelling) {
  const auto found = read("video_id,clip_id,Label,label,mode\nv,1,0.1,0.5,train\n");
  EXPECT_EQ(found.clips.at(0).label, 0.5F);
  EXPECT_THAT(found.log, HasSubstr("columns not used: Label"));
  EXPECT_THAT(error("video_id,clip_id,score,sentiment,mode\nv,1,0.1,0.5,train\n"),
              AllOf(HasSubstr("both 'score' and 'sentiment' could be it"), HasSubstr("rename the right one to label")));
}

TEST(ClipTableReader, TheThreeWordsOfMeldAreNumbersAndAWarningSaysWhich) {
  const std::string header = "Dialogue_ID,Utterance_ID,Utterance,Sentiment,split\n";
  const auto found = read(header + "0,1,hi,positive,dev\n0,2,ah,Negative,dev\n0,3,so,neutral,dev\n0,4,no,,dev\n");
  EXPECT_EQ(found.clips.at(0).label, 1);
  EXPECT_EQ(found.clips.at(1).label, -1);
  EXPECT_EQ(found.clips.at(2).label, 0);
  EXPECT_TRUE(std::isnan(found.clips.at(3).label));
  EXPECT_EQ(found.clips.at(0).id(), "0$_$1");
  EXPECT_THAT(found.log, HasSubstr("Sentiment: 3 words are read as numbers: negative = -1, neutral = 0, positive = 1"));
  EXPECT_THAT(error(header + "0,1,hi,positive,dev\n0,2,ah,2.4,dev\n"),
              AllOf(HasSubstr("table.csv:3: Sentiment: expected a word, as the other cells have it, found '2.4'"),
                    HasSubstr("write numbers in all rows")));
}

TEST(ClipTableReader, OtherWordsAreNoLabels) {
  const auto found = read("Dialogue_ID,Utterance_ID,Utterance,Sentiment,split\n0,1,hi,joy,dev\n");
  EXPECT_TRUE(std::isnan(found.clips.at(0).label));
  EXPECT_THAT(found.log, HasSubstr("columns not used: Sentiment"));
  EXPECT_THAT(found.log,
              HasSubstr("the column 'Sentiment' holds words, no scores ('joy'), so the clips have no label"));
  EXPECT_THAT(found.log, HasSubstr("no column of labels: these clips can be scored, not trained on"));
}

TEST(ClipTableReader, WholeIdsAreTakenApart) {
  const auto found = read("id,text,label,mode\na_b$_$0001,x,1,train\nalone,x,1,train\n");
  EXPECT_EQ(found.clips.at(0).video_id, "a_b");
  EXPECT_EQ(found.clips.at(0).clip_id, "0001");
  EXPECT_EQ(found.clips.at(1).id(), "alone");
  EXPECT_THAT(error("video_id,label,mode\nv,1,train\nv,2,train\n"),
              HasSubstr("table.csv:3: no column 'clip_id', and video_id 'v' comes twice"));
}

TEST(ClipTableReader, KnowsTheWordsForUnknown) {
  EXPECT_EQ(read("video_id,clip_id,label,mode\nv,1,\xC2\xA0-0.5\xE3\x80\x80,train\n").clips.at(0).label, -0.5F)
      << "spaces of web pages and of Chinese text";
  for (const char* word : {"", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "<NA>", " nan "}) {
    const auto found = read("video_id,clip_id,text,label,mode\nv,1,x," + std::string(word) + ",train\n");
    EXPECT_TRUE(std::isnan(found.clips.at(0).label)) << word;
  }
  for (const char* word : {"inf", "0.5x", "good", "1,2,3", "1.000,5"})
    EXPECT_THAT(error("video_id,clip_id,text,label,mode\nv,1,x,\"" + std::string(word) + "\",train\n"),
                HasSubstr("table.csv:2: label: expected a finite number or nothing, found '" + std::string(word)));
}

TEST(ClipTableReader, ReadsDecimalCommas) {
  const auto found = read("video_id;clip_id;label;mode\nv;1;-0,5;train\nv;2;1,25;train\nv;3;+2;train\n");
  EXPECT_EQ(found.clips.at(0).label, -0.5F);
  EXPECT_EQ(found.clips.at(1).label, 1.25F);
  EXPECT_EQ(found.clips.at(2).label, 2);
  EXPECT_THAT(found.log, AllOf(HasSubstr("separated by ';'"), HasSubstr("label: 2 decimal commas are read as points")));
}

TEST(ClipTableReader, KnowsTablesByTheirNames) {
  EXPECT_TRUE(is_table("a/label.csv") && is_table("LABEL.CSV") && is_table("label.tsv"));
  EXPECT_FALSE(is_table("label.pkl") || is_table("csv"));
  EXPECT_THAT(error_of<DataError>([] { (void)is_table("label.xlsx"); }), HasSubstr("pandas.read_excel('label.xlsx'"));
}

TEST(ClipTableReader, KnowsTheWordsForTheSplits) {
  for (const char* word : {"valid", "val", "dev", "validation", "eval", "Valid", "VAL", " dev "}) {
    const auto found = read("video_id,clip_id,mode\nv,1," + std::string(word) + "\n");
    EXPECT_EQ(found.clips.at(0).split, Split::valid) << word;
    if (word != std::string("valid")) EXPECT_THAT(found.log, HasSubstr("' is taken for valid")) << word;
  }
  EXPECT_EQ(read("video_id,clip_id,mode\nv,1,Training\n").clips.at(0).split, Split::train);
  EXPECT_EQ(read("video_id,clip_id,mode\nv,1,TEST\n").clips.at(0).split, Split::test);
  EXPECT_THAT(error("video_id,clip_id,mode\nv,1,2\n"), HasSubstr("mode: expected train, valid or test, found '2'"));
  EXPECT_THAT(error("video_id,clip_id\nv,1\n"), HasSubstr("add a column mode with train, valid or test"));
}

}  // namespace
}  // namespace kuda
