// tests/data/csd/make_files.py says what the sequences hold.

#include <gmock/gmock.h>

#include "kuda/base/file.h"
#include "kuda/data/csd/csd_file.h"
#include "kuda/data/csd/csd_import.h"
#include "kuda/data/test_data.h"

namespace kuda {
namespace {

using test::CaughtLog;
using test::data_file;
using testing::ElementsAre;
using testing::HasSubstr;

class Csd : public testing::Test {
 protected:
  void SetUp() override {
    if (!reads_csd()) GTEST_SKIP() << "built without libhdf5";
  }
  static CsdSources sources() {
    CsdSources all;
    all.labels = data_file("csd/labels.csd");
    all.feature.text = data_file("csd/words.csd");
    all.feature.audio = data_file("csd/audio.csd");
    all.feature.vision = data_file("csd/aligned.csd");
    all.splits = data_file("csd/splits.csv");
    return all;
  }
};

std::vector<float> values_of(const torch::Tensor& frames) {
  const auto flat = frames.contiguous();
  return {flat.data_ptr<float>(), flat.data_ptr<float>() + flat.numel()};
}

TEST_F(Csd, EachLabelIsAClipWithTheFramesThatOverlapIt) {
  const Dataset data = import_csd(sources(), test::scratch("csd"));
  ASSERT_EQ(data.clips.size(), 3U) << "a label of no duration and a video in no split are left out";
  EXPECT_EQ(data.clips[0].id(), "a[0]");
  EXPECT_EQ(data.clips[1].id(), "a[1]");
  EXPECT_EQ(data.clips[2].id(), "b[0]");
  EXPECT_EQ(data.clips[1].label, -1.5F) << "the first column";
  EXPECT_EQ(data.clips[2].split, Split::valid);
  EXPECT_EQ(data.clips[0].text, "so good") << "'sp' is a pause";
  EXPECT_EQ(data.clips[1].text, "bad films");
  // Audio frames last 0.25 s: [0, 1) holds frames 0 to 3, [1, 2.5) frames 4 to 9, and b's label starts at 0.25.
  EXPECT_THAT(data.audio->lengths, ElementsAre(4, 6, 3));
  EXPECT_THAT(values_of(data.audio->clip(1)), ElementsAre(4, 4.5, 5, 5.5, 6, 6.5, 7, 7.5, 8, 8.5, 9, 9.5));
  EXPECT_THAT(values_of(data.audio->clip(2)), ElementsAre(101, 101.5, 102, 102.5, 103, 103.5));
  EXPECT_THAT(data.vision->lengths, ElementsAre(2, 3, 1)) << "entries of their own names are taken whole";
  EXPECT_EQ(data.vision->clip(1)[0][0].item<float>(), 10);
  EXPECT_FALSE(data.is_aligned);
}

TEST_F(Csd, FramesAreAveragedOverWordsOrOverTheClip) {
  auto all = sources();
  all.feature.vision = "";
  all.feature.text = data_file("csd/glove.csd");
  all.pool = CsdPool::words;
  const Dataset words = import_csd(all, test::scratch("csd_words"));
  EXPECT_TRUE(words.is_aligned);
  EXPECT_THAT(words.text_features->lengths, ElementsAre(3, 2, 1));
  EXPECT_THAT(words.audio->lengths, ElementsAre(3, 2, 1));
  // The words of a[0] cover 0 to 0.5, 0.5 to 0.6 and 0.6 to 1: frames 0 1, 2, and 2 3.
  EXPECT_THAT(values_of(words.audio->clip(0)), ElementsAre(0.5, 1, 2, 2.5, 2.5, 3));
  all.pool = CsdPool::clip;
  const Dataset clips = import_csd(all, test::scratch("csd_clip"));
  EXPECT_THAT(clips.audio->lengths, ElementsAre(1, 1, 1));
  EXPECT_THAT(values_of(clips.audio->clip(1)), ElementsAre(6.5, 7));
}

TEST_F(Csd, SaysWhatIsLeftOutAndWhatIsMissing) {
  CaughtLog log;
  auto all = sources();
  all.splits = "";
  const Dataset data = import_csd(all, test::scratch("csd_all"));
  EXPECT_EQ(data.rows(Split::test).size(), 4U);
  EXPECT_EQ(data.audio->lengths[3], 0) << "video c has no audio";
  EXPECT_THAT(log.text(), HasSubstr("no --splits: all clips are test"));
  EXPECT_THAT(log.text(), HasSubstr("1 labels of no duration"));
  EXPECT_THAT(log.text(), HasSubstr("audio.csd: 1 of 4 clips have no frame of it"));
}

TEST_F(Csd, NamesFileAndEntryOfWhatIsWrong) {
  const auto error = [](CsdSources all) {
    return test::error_of<DataError>([&] { (void)import_csd(all, test::scratch("csd_error")); });
  };
  auto all = sources();
  all.feature.audio = data_file("csd/short.csd");
  EXPECT_THAT(error(all), HasSubstr("short.csd: a: 3 frames in features, 2 in intervals"));
  all.feature.audio = data_file("csd/words.csd");
  EXPECT_THAT(error(all), HasSubstr("words.csd: expected frames of numbers, found words"));
  all.feature.audio = data_file("csd/splits.csv");
  EXPECT_THAT(error(all), HasSubstr("splits.csv: expected an HDF5 file"));
  all = sources();
  all.labels = data_file("csd/words.csd");
  EXPECT_THAT(error(all), HasSubstr("words.csd: a: expected labels, found words"));
  all = sources();
  std::swap(all.labels, all.feature.audio);
  EXPECT_THAT(error(all), HasSubstr("audio.csd: expected labels, found 14 intervals where"));
  EXPECT_THAT(error(all), HasSubstr("words.csd (--text) has 6; labels are fewer than words and frames"));
  all.feature.text = "";
  EXPECT_THAT(error(all), HasSubstr("labels.csd (--audio) has 4;"));
}

TEST_F(Csd, DamagedFilesAreRefusedOrRead) {  // cut and changed at every place: no crash, no endless loop
  const std::string bytes = read_file(data_file("csd/audio.csd"));
  const auto path = test::scratch("damaged.csd");
  int refused = 0;
  for (std::size_t at = 8; at < bytes.size(); at += 149) {
    std::string other = bytes;
    other[at] = static_cast<char>(other[at] ^ 0x55);
    if (at % 2 == 0) other.resize(at);
    write_file(path, other);
    try {
      const CsdFile file(path);
      for (const auto& entry : file.entries()) (void)file.read(entry);
    } catch (const DataError&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, 10);
}

}  // namespace
}  // namespace kuda
