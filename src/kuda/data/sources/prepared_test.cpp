// Prepared folders: round trips, faults, and that a folder is never left half written.

#include "kuda/data/sources/prepared.h"
#include "kuda/data/sources/prepared_folder.h"

#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fstream>
#include <limits>
#include <set>
#include <thread>

#include "kuda/base/file.h"
#include "kuda/base/log.h"
#include "kuda/data/cleaning.h"
#include "kuda/data/clip_ids.h"
#include "kuda/data/sources/mmsa.h"
#include "kuda/data/test_data.h"
#include "kuda/io/safetensors.h"

namespace kuda {
namespace {

namespace fs = std::filesystem;
using test::CaughtLog;
using test::scratch;
using testing::HasSubstr;

void expect_equal(const std::optional<Feature>& a, const std::optional<Feature>& b) {
  ASSERT_EQ(a.has_value(), b.has_value());
  if (!a) return;
  EXPECT_EQ(a->offsets, b->offsets);
  EXPECT_EQ(a->lengths, b->lengths);
  EXPECT_EQ(a->padded_length, b->padded_length);
  EXPECT_EQ(a->extractor, b->extractor);
  EXPECT_EQ(a->rate, b->rate);
  ASSERT_EQ(a->values.sizes(), b->values.sizes());
  EXPECT_EQ(std::memcmp(a->values.const_data_ptr(), b->values.const_data_ptr(), a->values.nbytes()), 0);
}

void expect_equal(const Dataset& a, const Dataset& b) {
  EXPECT_EQ(a.name, b.name);
  EXPECT_EQ(a.language, b.language);
  EXPECT_EQ(a.family, b.family);
  EXPECT_EQ(a.score_low, b.score_low);
  EXPECT_EQ(a.score_high, b.score_high);
  EXPECT_EQ(a.fingerprint, b.fingerprint);
  EXPECT_EQ(a.source_sha256, b.source_sha256);
  EXPECT_EQ(a.is_synthetic, b.is_synthetic);
  EXPECT_EQ(a.is_aligned, b.is_aligned);
  EXPECT_EQ(clips_digest(a), clips_digest(b));
  EXPECT_EQ(features_digest(a), features_digest(b));
  for (const Modality m : kModalities) expect_equal(a.feature(m), b.feature(m));
  EXPECT_EQ(a.text_bert.defined(), b.text_bert.defined());
  if (a.text_bert.defined()) EXPECT_TRUE(torch::equal(a.text_bert, b.text_bert));
}

TEST(Prepared, RoundTripOfEveryValidPickleIsIdentical) {
  const CaughtLog quiet;
  for (const auto& entry : fs::directory_iterator(test::data_file("pickle"))) {
    const std::string name = entry.path().filename().string();
    if (!name.ends_with(".pkl") ||
        !(name.starts_with("sims_") || name.starts_with("mosi_") || name == "s_feature_nan.pkl" ||
          name == "s_length_zero.pkl" || name == "s_length_too_long.pkl"))
      continue;
    SCOPED_TRACE(name);
    const Dataset made = read_mmsa(entry.path());
    write_prepared(scratch("set"), made);
    expect_equal(made, read_prepared(scratch("set")));
    expect_equal(made, import_mmsa(entry.path(), scratch("imported")));
    for (const char* file : {"clips.csv", "features.safetensors", "dataset.toml"})
      EXPECT_EQ(read_file(scratch("set") / file), read_file(scratch("imported") / file)) << file;
  }
}

TEST(Prepared, KeepsWhatAPickleCannotHold) {
  Dataset data = test::small_dataset();
  data.is_synthetic = data.is_aligned = true;
  data.vision->extractor = "OpenFace 2.2 \"AUs\"";
  data.vision->rate = 12.5;
  data.clips[2].label = kUnknown;
  data.clips[1].clip_id = "";
  data.clips[1].text = "  多模态, \"引号\"\r\nline ";
  write_prepared(scratch("set"), data);
  data.fingerprint = fingerprint_of(data);
  const Dataset again = read_prepared(scratch("set"));
  expect_equal(data, again);
  EXPECT_EQ(again.clips[1].text, data.clips[1].text);
  EXPECT_EQ(again.clips[1].id(), "video_0002");
}

TEST(Prepared, KnowsWhetherEveryValueIsFinite) {
  const CaughtLog quiet;
  auto dataset = read_mmsa(test::data_file("pickle") / "sims_p4_np1.pkl");
  ASSERT_TRUE(dataset.vision && dataset.vision->finite == Finite::yes);
  write_prepared(scratch("finite"), dataset);
  const auto finite = read_prepared(scratch("finite"));
  EXPECT_EQ(finite.vision->finite, Finite::yes);
  EXPECT_EQ(count_cleaning(finite, DataConfig()).modality.vision.not_finite.total(), 0);
  dataset.vision->finite = Finite::unknown;
  dataset.vision->values = dataset.vision->values.clone();
  dataset.vision->values.view(-1)[3] = std::numeric_limits<float>::infinity();
  dataset.features_digest.clear();
  write_prepared(scratch("infinite"), dataset);
  const auto infinite = read_prepared(scratch("infinite"));
  EXPECT_EQ(infinite.vision->finite, Finite::unknown) << "a folder says yes or nothing";
  EXPECT_EQ(count_cleaning(infinite, DataConfig()).modality.vision.not_finite.positive_infinity, 1);
}

TEST(Prepared, DoesNotCountAgainWhatTheReaderCounted) {
  const CaughtLog quiet;
  EXPECT_EQ(read_mmsa(test::data_file("pickle") / "s_feature_nan.pkl").vision->finite, Finite::no);
  Dataset dataset = test::small_dataset();
  dataset.vision->finite = Finite::no;  // all values are finite: who counted them would say yes
  write_prepared(scratch("set"), dataset);
  const Dataset again = read_prepared(scratch("set"));
  EXPECT_EQ(again.vision->finite, Finite::unknown);
  EXPECT_EQ(again.audio->finite, Finite::yes) << "nobody had looked";
}

TEST(Prepared, OpeningReadsNoFeature) {
  write_prepared(scratch("set"), test::small_dataset());
  // Zero the data of the features behind the header; opening cannot notice, because it does not look.
  std::fstream file(scratch("set") / "features.safetensors", std::ios::in | std::ios::out | std::ios::binary);
  std::uint64_t header = 0;
  file.read(reinterpret_cast<char*>(&header), sizeof header);
  const Dataset before = read_prepared(scratch("set"));
  EXPECT_EQ(before.features_digest, features_digest(before));
  file.seekp(-4, std::ios::end);  // the last float of vision/values: keys are in alphabetical order
  file.write("\0\0\0\0", 4);
  file.close();
  fs::last_write_time(scratch("set") / "features.safetensors", fs::last_write_time(scratch("set") / "dataset.toml"));
  const Dataset after = read_prepared(scratch("set"));
  EXPECT_EQ(after.fingerprint, before.fingerprint);
  EXPECT_NE(after.features_digest, features_digest(after)) << "`kuda data check` compares these";
}

TEST(Prepared, FeaturesThatAreNewerThanTheirFactsAreHeldToTheirDigest) {
  const auto folder = scratch("set");
  write_prepared(folder, test::small_dataset());
  const auto later = fs::last_write_time(folder / "dataset.toml") + std::chrono::seconds(2);
  fs::last_write_time(folder / "features.safetensors", later);  // a copy of the folder may have such times
  const auto before = read_prepared(folder);
  std::fstream file(folder / "features.safetensors", std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(-4, std::ios::end);
  file.write("\0\0\0\0", 4);
  file.close();
  fs::last_write_time(folder / "features.safetensors", later);
  EXPECT_THAT(test::error_of<DataError>([&] { (void)read_prepared(folder); }),
              testing::AllOf(HasSubstr("features.safetensors: changed after the data set was made"),
                             HasSubstr("delete features_sha256")));
  write_file(folder / "dataset.toml", "name = \"small\"\nmetric_family = \"sims\"\n");
  EXPECT_NE(read_prepared(folder).fingerprint, before.fingerprint) << "what is meant is another data set";
}

TEST(Prepared, WhatBelongsToTheClipsGoesAlong) {
  const auto folder = scratch("set");
  write_prepared(folder, test::small_dataset());
  write_file(folder / "recipe.toml", "version = 2\n");
  write_file(folder / "truth.csv", "id\n");
  for (const auto& target : {scratch("copy"), folder}) {
    write_prepared(target, read_prepared(folder));
    EXPECT_EQ(read_file(target / "recipe.toml"), "version = 2\n");
    EXPECT_EQ(read_file(target / "truth.csv"), "id\n");
  }
  write_prepared(folder, test::small_dataset());  // other clips
  EXPECT_FALSE(fs::exists(folder / "recipe.toml") || fs::exists(folder / "truth.csv"));
}

TEST(Prepared, AFolderMadeByHandNeedsNameClipsAndArraysOnly) {
  const Dataset data = test::small_dataset();
  write_prepared(scratch("set"), data);
  write_file(scratch("set") / "dataset.toml", "name = \"small\"\nmetric_family = \"sims\"\n");
  const Dataset again = read_prepared(scratch("set"));
  EXPECT_EQ(again.vision->padded_length, 3);
  EXPECT_EQ(again.fingerprint, data.fingerprint);
}

TEST(Prepared, EditedLabelsAreAnotherDataSet) {
  const Dataset data = test::small_dataset();
  write_prepared(scratch("set"), data);
  auto csv = read_file(scratch("set") / "clips.csv");
  csv.replace(csv.find("-0.4"), 4, "-0.6");
  write_file(scratch("set") / "clips.csv", csv);
  CaughtLog log;
  EXPECT_NE(read_prepared(scratch("set")).fingerprint, data.fingerprint);
  EXPECT_THAT(log.text(), HasSubstr("edited after the data set was made"));
}

TEST(Prepared, RefusesRowsInAnotherOrderThanTheFeatures) {
  write_prepared(scratch("set"), test::small_dataset());
  const std::string header = "video_id,clip_id,split,text,label\n";
  const std::vector<std::string> rows{"video_0001,0001,train,a,0.1\n", "video_0002,0001,valid,b,0.2\n",
                                      "video_0003,0001,test,c,0.3\n"};
  const auto with = [&](const std::string& table) {
    write_file(scratch("set") / "clips.csv", table);
    return test::error_of<DataError>([] { (void)read_prepared(scratch("set")); });
  };
  const auto reordered = with(header + rows[0] + rows[2] + rows[1]);
  EXPECT_THAT(reordered, HasSubstr("clips.csv: row 2: expected the clip whose features are stored in that row, "
                                   "'video_0002$_$0001', found 'video_0003$_$0001'; the rows are in another order"));
  EXPECT_THAT(with(header + rows[0] + "renamed,0001,valid,b,0.2\n" + rows[2]),
              HasSubstr("row 2: expected the clip whose features are stored in that row, found 'renamed$_$0001'"));
  write_file(scratch("set") / "clips.csv", header + rows[0] + rows[1] + rows[2]);
  const CaughtLog log;
  EXPECT_EQ(read_prepared(scratch("set")).clips[1].text, "b") << "texts and labels may be edited";
}

TEST(Prepared, AFolderWithoutDigestsOfIdsIsReadWithANote) {
  const Dataset data = test::small_dataset();
  write_prepared(scratch("set"), data);
  const auto stored = io::read_safetensors(scratch("set") / "features.safetensors");
  auto arrays = stored.arrays;
  ASSERT_EQ(arrays.erase(kIdDigests), 1U);
  io::write_safetensors(scratch("features"), arrays);
  fs::rename(scratch("features"), scratch("set") / "features.safetensors");
  const CaughtLog log;
  EXPECT_EQ(read_prepared(scratch("set")).fingerprint, data.fingerprint);
  EXPECT_THAT(log.text(), HasSubstr("nothing ties features to ids"));
}

TEST(Prepared, NamesFileLineAndColumnOfABadCell) {
  write_prepared(scratch("set"), test::small_dataset());
  write_file(scratch("set") / "clips.csv",
             "video_id,clip_id,split,text,label\nv,1,train,a,0.5\nv,2,third,b,0\nv,3,test,c,x\n");
  EXPECT_THAT(test::error_of<DataError>([] { (void)read_prepared(scratch("set")); }),
              HasSubstr("clips.csv:3: split: expected train, valid or test, found 'third'"));
  write_file(scratch("set") / "clips.csv", "video_id,clip_id,split,text,label\nv,1,train,a,0.5\nv,2,test,b,x\n");
  EXPECT_THAT(test::error_of<DataError>([] { (void)read_prepared(scratch("set")); }),
              HasSubstr("clips.csv:3: label: expected a finite number or nothing, found 'x'"));
  write_file(scratch("set") / "clips.csv", "video_id,clip_id,split,text,label\nv,1,train,a,0.5\n");
  EXPECT_THAT(test::error_of<DataError>([] { (void)read_prepared(scratch("set")); }),
              HasSubstr("offsets: expected [2] for the 1 clips of clips.csv, found [4] int64"));
}

TEST(Prepared, NamesWhatIsWrongInDatasetToml) {
  write_prepared(scratch("set"), test::small_dataset());
  const auto with = [](const std::string& text) {
    write_file(scratch("set") / "dataset.toml", text);
    return test::error_of<Error>([] { (void)read_prepared(scratch("set")); });
  };
  EXPECT_THAT(with("name = \n"), HasSubstr("dataset.toml:1: "));
  EXPECT_THAT(with("name = 5\n"), HasSubstr("name: the value is of another type"));
  EXPECT_THAT(with("format = 9\n"), HasSubstr("format: expected 1, found 9"));
  EXPECT_THAT(with("vision.width = 7\n"), HasSubstr("vision.width: expected 2 as in features.safetensors, found 7"));
  EXPECT_THAT(with("vision.padded_length = 2\n"), HasSubstr("expected at least 3 (the longest clip), found 2"));
  EXPECT_THAT(with("text.width = 7\n"), HasSubstr("expected text/values, because dataset.toml has [text]"));
  EXPECT_THAT(with("score_range = [1, -1]\n"), HasSubstr("low < high"));
}

TEST(Prepared, LeavesForeignFoldersAlone) {
  fs::create_directories(scratch("home"));
  write_file(scratch("home") / "thesis.txt", "years of work");
  EXPECT_THAT(test::error_of<DataError>([] { write_prepared(scratch("home"), test::small_dataset()); }),
              HasSubstr("is no prepared data set, so it is left alone"));
  write_prepared(scratch("set"), test::small_dataset());
  write_file(scratch("set") / "notes.txt", "mine");
  EXPECT_THAT(test::error_of<DataError>([] { write_prepared(scratch("set"), test::small_dataset()); }),
              HasSubstr("also holds notes.txt"));
  EXPECT_EQ(read_file(scratch("home") / "thesis.txt"), "years of work");
}

TEST(Prepared, AFailedImportLeavesNothingBehind) {
  EXPECT_THROW(import_mmsa(test::data_file("pickle/s_vision_rows.pkl"), scratch("set")), DataError);
  EXPECT_TRUE(fs::is_empty(scratch("set").parent_path()));
}

TEST(Prepared, ATextThatNoTableCanHoldLeavesTheOldFolder) {
  Dataset data = test::small_dataset();
  write_prepared(scratch("set"), data);
  const auto before = read_prepared(scratch("set")).fingerprint;
  data.clips[1].text = std::string("a\0b", 3);
  EXPECT_THAT(test::error_of<DataError>([&] { write_prepared(scratch("set"), data); }),
              HasSubstr("clip " + data.clips[1].id() + ": a zero byte"));
  EXPECT_EQ(read_prepared(scratch("set")).fingerprint, before);
}

TEST(Prepared, WritesOverAPreparedFolderWhileAnotherReaderUsesIt) {
  Dataset data = test::small_dataset();
  write_prepared(scratch("set"), data);
  const Dataset reader = read_prepared(scratch("set"));
  data.vision->values = data.vision->values * 2;
  data.features_digest.clear();
  write_prepared(scratch("set"), data);
  EXPECT_EQ(reader.vision->values[2][1].item<float>(), 6);
  EXPECT_EQ(read_prepared(scratch("set")).vision->values[2][1].item<float>(), 12);
  EXPECT_FALSE(fs::exists(scratch(".set.partial")));
}

TEST(Prepared, AReaderBesideAWriterGetsTheOldOrTheNewOne) {
  const auto folder = scratch("turns");
  auto one = test::small_dataset(), other = test::small_dataset();
  other.clips[0].label += 0.5F;
  other.clips[1].text = "another text";
  other.vision->values = other.vision->values * 2;
  write_prepared(folder, one);
  const auto first = read_prepared(folder).fingerprint;
  write_prepared(folder, other);
  const std::set<std::string> known{first, read_prepared(folder).fingerprint};
  ASSERT_EQ(known.size(), 2U);
  std::atomic<std::size_t> warnings{0};  // of a table that is not that of its facts
  const auto sink = set_log_sink([&](LogLevel, const std::string&) { ++warnings; });
  std::atomic<bool> done{false};
  std::thread writer([&] {
    for (int turn = 0; turn < 60; ++turn) write_prepared(folder, turn % 2 == 0 ? one : other);
    done = true;
  });
  std::size_t reads = 0;
  while (!done) {
    EXPECT_TRUE(known.contains(read_prepared(folder).fingerprint)) << "after " << reads << " reads";
    ++reads;
  }
  writer.join();
  set_log_sink(sink);
  EXPECT_EQ(warnings, 0U);
  EXPECT_GT(reads, 10U);
}

TEST(Prepared, AFolderBehindALinkIsReplacedWhereItLies) {
  write_prepared(scratch("there"), test::small_dataset());
  fs::create_directory_symlink(scratch("there"), scratch("link"));
  auto data = test::small_dataset();
  data.name = "other";
  write_prepared(scratch("link"), data);
  EXPECT_TRUE(fs::is_symlink(scratch("link")));
  EXPECT_EQ(read_prepared(scratch("there")).name, "other");
}

TEST(Prepared, ASecondWriterIsRefusedWhileTheFirstIsAtWork) {
  const Dataset data = test::small_dataset();
  {
    const PreparedFolder first(scratch("set"));
    write_file(first.features(), "half");
    EXPECT_THAT(test::error_of<DataError>([&] { write_prepared(scratch("set"), data); }),
                HasSubstr("another process is writing this folder"));
    EXPECT_EQ(read_file(first.features()), "half");
    EXPECT_FALSE(fs::exists(scratch("set")));
  }
  write_prepared(scratch("set"), data);
  EXPECT_EQ(read_prepared(scratch("set")).clips.size(), data.clips.size());
  EXPECT_FALSE(fs::exists(scratch(".set.lock")));
}

TEST(Prepared, AKilledWriterLeavesTheOldOrTheCompleteFolder) {
  Dataset data = test::small_dataset();
  write_prepared(scratch("set"), data);
  const std::string old_print = data.fingerprint;
  data.clips[0].text = "another text";
  const std::string new_print = fingerprint_of(data);
  int old_seen = 0, new_seen = 0;
  for (int delay = 0; delay < 40; ++delay) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      for (;;) {
        data.clips[0].text = test::small_dataset().clips[0].text;
        write_prepared(scratch("set"), data);
        data.clips[0].text = "another text";
        write_prepared(scratch("set"), data);
      }
    }
    ::usleep(useconds_t(2000 + 733 * delay));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    const Dataset found = read_prepared(scratch("set"));
    ASSERT_TRUE(found.fingerprint == old_print || found.fingerprint == new_print);
    ASSERT_EQ(found.features_digest, features_digest(found));
    found.fingerprint == old_print ? ++old_seen : ++new_seen;
  }
  EXPECT_EQ(old_seen + new_seen, 40);
}

}  // namespace
}  // namespace kuda
