#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <set>

#include "kuda/base/file.h"
#include "kuda/base/test_support.h"
#include "kuda/extract/extraction_report.h"
#include "kuda/extract/test_source.h"
#include "kuda/io/csv.h"

namespace kuda {
namespace {

namespace fs = std::filesystem;
using test::error_of;
using test::extract_texts;
using test::scratch;
using test::scratch_folder;
using test::sorted_lines;
using test::write_videos;
using testing::ElementsAre;
using testing::HasSubstr;

/// Whole ones: a killed writer leaves a temporary file.
std::set<std::string> clips_in(const fs::path& out) {
  std::set<std::string> names;
  if (fs::exists(out / "clips"))
    for (const auto& entry : fs::directory_iterator(out / "clips"))
      if (entry.path().extension() == ".safetensors") names.insert(entry.path().filename().string());
  return names;
}

TEST(ExtractClips, EveryClipHasARowWhateverBecameOfIt) {
  const auto videos = write_videos(scratch_folder("videos"), {{"a.mp4", "face 4 a fine film"},
                                                              {"b.mp4", "broken"},
                                                              {"c.mp4", "dark 3"},
                                                              {"d.mp4", "deadly"},
                                                              {"e.mp4", "face 5 again"}});
  const auto out = scratch("out");
  ExtractOptions options;
  options.processes = 2;
  options.most_failures = 0.5;
  const auto counts = extract_texts(videos, out, options);
  EXPECT_EQ(counts.clips, 5U);
  EXPECT_EQ(counts.made, 3U);
  EXPECT_EQ(counts.failed, 2U);
  const auto table = io::read_csv(out / "report.csv");
  ASSERT_EQ(table.rows.size(), 5U);
  const auto cell = [&](std::size_t row, const char* column) { return table.rows[row][table.column(column)]; };
  EXPECT_EQ(cell(0, "status"), "ok");
  EXPECT_EQ(cell(0, "words"), "1");
  EXPECT_EQ(cell(0, "pictures"), "4");
  EXPECT_THAT(cell(1, "reason"), HasSubstr("b.mp4: it is broken"));
  EXPECT_EQ(cell(2, "missing"), "text: nobody speaks; vision: no face was found in 3 pictures");
  EXPECT_THAT(cell(3, "reason"), HasSubstr("its process died of signal 9"));
  EXPECT_EQ(cell(4, "id"), "e");
  EXPECT_EQ(clips_in(out).size(), 3U);
  const auto clip = read_extracted(ExtractionFolder(out).clip(cell(0, "key")));
  EXPECT_EQ(clip.transcript, "a fine film");
  EXPECT_EQ(clip.vision->shape, (std::vector<std::int64_t>{4, 2}));
  EXPECT_EQ(clip.audio->shape, (std::vector<std::int64_t>{8, 3}));
  EXPECT_DOUBLE_EQ(clip.words.at(0).begin, 0.25);
}

TEST(ExtractClips, MoreFailuresThanAllowedAreAnErrorAfterAllIsWritten) {
  const auto videos =
      write_videos(scratch_folder("videos"), {{"a.mp4", "face 4"}, {"b.mp4", "broken"}, {"c.mp4", "face 2"}});
  const auto out = scratch("out");
  EXPECT_THAT(error_of<DataError>([&] { (void)extract_texts(videos, out); }),
              HasSubstr("1 of 3 clips failed, more than the share of 0.1 that is allowed"));
  EXPECT_EQ(read_report_rows(out / "report.csv").size(), 3U);
  EXPECT_EQ(clips_in(out).size(), 2U);
}

TEST(ExtractClips, DoesNothingTwiceAndWhatFailedAgain) {
  const auto videos =
      write_videos(scratch_folder("videos"), {{"a.mp4", "face 4 x"}, {"b.mp4", "broken"}, {"copy.mp4", "face 4 x"}});
  const auto out = scratch("out");
  ExtractOptions options;
  options.most_failures = 1;
  (void)extract_texts(videos, out, options);
  write_file(videos / "b.mp4", "face 3 mended");
  const auto counts = extract_texts(videos, out, options);
  EXPECT_EQ(counts.made, 1U);
  EXPECT_EQ(counts.there, 2U);
  EXPECT_EQ(counts.failed, 0U);
  EXPECT_THAT(sorted_lines(out.string() + ".log"), ElementsAre("a.mp4 0", "b.mp4 0", "b.mp4 0"))
      << "equal videos are one file";
}

TEST(ExtractClips, EqualVideosAtTheSameTimeAreExtractedOnce) {
  const auto videos = write_videos(scratch_folder("videos"), {{"a.mp4", "slow 3 x"}, {"b.mp4", "slow 3 x"}});
  const auto out = scratch("out");
  ExtractOptions options;
  options.processes = 2;
  const auto counts = extract_texts(videos, out, options);
  EXPECT_EQ(counts.made, 1U);
  EXPECT_EQ(counts.there, 1U);
  EXPECT_EQ(sorted_lines(out.string() + ".log").size(), 1U);
  EXPECT_EQ(std::distance(fs::directory_iterator(out / "clips"), {}), 1) << "locks are taken away";
}

TEST(ExtractClips, WhoIsKilledAtAClipLeavesItToOthers) {
  const auto videos = write_videos(scratch_folder("videos"), {{"a.mp4", "slow 3 x"}});
  const auto out = scratch("out");
  write_file(out.string() + ".log.wait", "");
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    (void)extract_texts(videos, out);
    ::_exit(0);
  }
  while (sorted_lines(out.string() + ".log").empty()) ::usleep(1000);
  ASSERT_FALSE(fs::is_empty(out / "clips")) << "it holds no lock";
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  fs::remove(out.string() + ".log.wait");
  EXPECT_EQ(extract_texts(videos, out).made, 1U);
  EXPECT_EQ(std::distance(fs::directory_iterator(out / "clips"), {}), 1);
}

TEST(ExtractClips, ADamagedFileIsMadeAgain) {
  const auto videos = write_videos(scratch_folder("videos"), {{"a.mp4", "face 4 x"}});
  const auto out = scratch("out");
  (void)extract_texts(videos, out);
  const auto path = fs::directory_iterator(out / "clips")->path();
  const auto whole = read_file(path);
  write_file(path, whole.substr(0, whole.size() / 2));
  EXPECT_THAT(error_of<DataError>([&] { (void)extract_texts(videos, out); }), HasSubstr("1 of 1 clips failed"));
  EXPECT_THAT(read_report_rows(out / "report.csv").at(0).reason, HasSubstr("the same command makes it again"));
  EXPECT_EQ(extract_texts(videos, out).made, 1U);
  EXPECT_EQ(read_file(path), whole);
}

TEST(ExtractClips, GoesOnWhereItWasKilled) {
  std::vector<std::pair<std::string, std::string>> files;
  for (int i = 0; i < 60; ++i)
    files.emplace_back("v" + std::to_string(100 + i) + ".mp4", "face 3 " + std::to_string(i));
  const auto videos = write_videos(scratch_folder("videos"), files);
  const auto out = scratch("out"), whole = scratch("whole");
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    (void)extract_texts(videos, out);
    ::_exit(0);
  }
  while (clips_in(out).size() < 5) ::usleep(1000);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  const auto before = clips_in(out).size();
  ASSERT_LT(before, 60U) << "it was killed too late";
  const auto counts = extract_texts(videos, out);
  EXPECT_EQ(counts.there, before);
  EXPECT_EQ(counts.made + counts.there, 60U);
  (void)extract_texts(videos, whole);
  EXPECT_EQ(read_file(out / "report.csv"), read_file(whole / "report.csv"));
  EXPECT_EQ(clips_in(out), clips_in(whole));
  for (const auto& name : clips_in(whole))
    EXPECT_EQ(read_file(whole / "clips" / name), read_file(out / "clips" / name));
  EXPECT_LE(sorted_lines(out.string() + ".log").size(), 61U) << "only the clip in work is done again";
}

TEST(ExtractClips, AFolderKeepsOneRecipeAndWhatIsNotItsOwn) {
  const auto videos = write_videos(scratch_folder("videos"), {{"a.mp4", "face 4 x"}});
  const auto out = scratch("out"), home = scratch_folder("home");
  (void)extract_texts(videos, out);
  auto recipe = test::small_recipe();
  recipe.vision.frames_per_second = 5;
  EXPECT_THAT(error_of<DataError>([&] { (void)extract_texts(videos, out, {}, recipe); }),
              HasSubstr("was made by another recipe: vision.frames_per_second is 5.0 here and 10.0 there"));
  write_file(home / "thesis.txt", "years of work");
  EXPECT_THAT(error_of<DataError>([&] { (void)extract_texts(videos, home); }),
              HasSubstr("is not empty and no extraction, so it is left alone"));
}

TEST(Shard, IsReadFromText) {
  EXPECT_EQ(Shard::parse("3/64").index, 3U);
  EXPECT_EQ(Shard::parse("3/64").count, 64U);
  for (const std::string text : {"", "3", "0/4", "5/4", "1/4x", "a/4", "1/", "-1/4"})
    EXPECT_THAT(error_of<UsageError>([&] { (void)Shard::parse(text); }), HasSubstr("found '" + text + "'"));
  std::vector<int> holders(10);
  for (std::size_t index = 1; index <= 3; ++index)
    for (std::size_t place = 0; place < 10; ++place) holders[place] += Shard{index, 3}.holds(place) ? 1 : 0;
  EXPECT_EQ(holders, std::vector<int>(10, 1)) << "each clip is in one shard";
}

}  // namespace
}  // namespace kuda
