// The whole way on real clips (GRID), where FFmpeg, the weights and the clips are there.

#include "kuda/extract/clip_extractor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <fstream>

#include "kuda/base/file.h"
#include "kuda/base/test_support.h"
#include "kuda/tensor/tensor.h"

namespace kuda {
namespace {

using test::error_of;
using testing::HasSubstr;

const std::filesystem::path kWeights = std::filesystem::path(KUDA_SOURCE_DIR) / kDefaultExtractor;

/// Loaded once in a process.
ClipExtractor& extractor() {
  static Recipe recipe;
  static ClipExtractor loaded(recipe, ExtractorModels({.folder = kWeights}, recipe));
  return loaded;
}

class ClipExtractorOnGrid : public testing::Test {
 protected:
  void SetUp() override {
    clip_ = test::shared_file("data/grid/bbaf2n.mpg");
    try {
      require_video_reader();
    } catch (const DataError& error) {
      GTEST_SKIP() << error.what();
    }
    if (!std::filesystem::exists(kWeights)) GTEST_SKIP() << "no weights: scripts/setup.sh --extractor";
    if (!std::filesystem::exists(clip_)) GTEST_SKIP() << "no clips of GRID at " << clip_;
  }
  std::filesystem::path clip_;
};

bool is_same(const io::Array& a, const io::Array& b) { return a.shape == b.shape && a.to_doubles() == b.to_doubles(); }

TEST_F(ClipExtractorOnGrid, FindsTheFaceTheVoiceAndTheWords) {
  const auto clip = extractor().extract(clip_, 0, {});
  const Recipe recipe;
  EXPECT_NEAR(clip.facts.seconds, 3, 0.1);
  EXPECT_EQ(clip.facts.faces, 1);
  EXPECT_EQ(clip.facts.pictures_with_face, clip.facts.pictures);
  ASSERT_TRUE(clip.vision && clip.audio);
  EXPECT_EQ(clip.vision->shape, (std::vector<std::int64_t>{30, std::int64_t(recipe.vision.columns.size())}));
  EXPECT_NEAR(double(clip.audio->shape[0]), 300, 3);
  EXPECT_EQ(clip.audio->shape[1], std::int64_t(recipe.audio.columns.size()));
  EXPECT_GT(clip.facts.speech_seconds, 1);
  ASSERT_FALSE(clip.words.empty());
  EXPECT_THAT(clip.transcript, HasSubstr("now")) << "the clip says: bin blue at F two now";
  for (std::size_t i = 0; i < clip.words.size(); ++i) {
    EXPECT_LE(clip.words[i].begin, clip.words[i].end);
    EXPECT_LE(clip.words[i].end, clip.facts.seconds + 0.1);
    if (i > 0) EXPECT_LE(clip.words[i - 1].begin, clip.words[i].begin);
  }
  const auto again = extractor().extract(clip_, 0, {});
  EXPECT_TRUE(is_same(*clip.vision, *again.vision) && is_same(*clip.audio, *again.audio)) << "the same bytes each time";
  write_extracted(test::scratch("clip.safetensors"), clip);
  const auto stored = read_extracted(test::scratch("clip.safetensors"));
  EXPECT_TRUE(is_same(*clip.vision, *stored.vision) && is_same(*clip.audio, *stored.audio));
  EXPECT_EQ(stored.transcript, clip.transcript);
}

TEST_F(ClipExtractorOnGrid, SaysOnceWhatIsSaidOnce) {
  const auto webm = test::scratch("again.webm");
  const auto command =
      "ffmpeg -nostdin -v error -y -i '" + clip_.string() + "' -vn -c:a libopus '" + webm.string() + "'";
  if (std::system(command.c_str()) != 0) GTEST_SKIP() << "no ffmpeg program with libopus";
  const auto clip = extractor().extract(webm, 0, {});
  const auto now = clip.transcript.find("now");  // of libopus 1.3.1 the recogniser writes it down twice
  ASSERT_NE(now, std::string::npos) << clip.transcript;
  EXPECT_EQ(clip.transcript.find("now", now + 1), std::string::npos) << clip.transcript;
  EXPECT_GT(clip.words.back().end, 1.9) << "its words have the time of the one copy";
  auto first = Recipe::parse("version = 1", "kept.toml");
  ClipExtractor as_before(first, ExtractorModels({.folder = kWeights}, first));
  const auto kept = as_before.extract(webm, 0, {}).transcript;
  if (kept == clip.transcript) GTEST_SKIP() << "this libopus gives it no reason to write anything twice";
  EXPECT_EQ(kept, clip.transcript + " " + clip.transcript) << "data of a recipe of version 1 stay what they are";
}

TEST_F(ClipExtractorOnGrid, StatesOfTheRecogniserAreColumnsToo) {
  auto recipe = Recipe::parse("[audio]\ncolumns = [\"voice\", \"whisper\"]", "more.toml");
  const ExtractorModels models({.folder = kWeights}, recipe);
  ASSERT_EQ(recipe.audio.columns.size(), 64U + 384U);
  EXPECT_EQ(recipe.audio.columns.back(), "whisper_383");
  ClipExtractor more(recipe, models);
  const auto clip = more.extract(clip_, 0, {}), plain = extractor().extract(clip_, 0, {});
  EXPECT_EQ(clip.transcript, plain.transcript);
  const auto values = io::to_tensor(*clip.audio), voice = io::to_tensor(*plain.audio);
  EXPECT_TRUE(values.slice(1, 0, 64).equal(voice)) << "the columns beside them are what they are alone";
  const auto states = values.slice(1, 64).abs().sum(1);  // [frames]
  for (const auto& word : clip.words)
    EXPECT_GT(states[std::int64_t(word.begin * 100) + 1].item<float>(), 0) << word.text;
  EXPECT_EQ(states[0].item<float>(), 0) << "nobody speaks yet";
}

TEST_F(ClipExtractorOnGrid, APartHasItsOwnClock) {
  const auto part = extractor().extract(clip_, 1, 2);
  EXPECT_EQ(part.vision->shape[0], 10);
  EXPECT_NEAR(double(part.audio->shape[0]), 100, 1);
  EXPECT_THAT(error_of<DataError>([&] { (void)extractor().extract(clip_, 60, 61); }), HasSubstr(clip_.string()));
}

TEST_F(ClipExtractorOnGrid, NamesAFileThatIsNoVideo) {
  const auto path = test::scratch("letter.mp4");
  write_file(path, "Dear reader");
  EXPECT_THAT(error_of<DataError>([&] { (void)extractor().extract(path, 0, {}); }), HasSubstr(path.string()));
}

/// A wav file of a second of a tone, or of silence.
void write_sound(const std::filesystem::path& path, float amplitude) {
  std::vector<std::int16_t> samples(16000);
  for (std::size_t i = 0; i < samples.size(); ++i)
    samples[i] = std::int16_t(32767 * amplitude * std::sin(2 * 3.14159265 * 220 * double(i) / 16000));
  const std::uint32_t bytes = 32000, riff = 36 + bytes, header = 16, rate = 16000, byte_rate = 32000;
  const std::uint16_t pcm = 1, channels = 1, block = 2, bits = 16;
  std::ofstream file(path, std::ios::binary);
  const auto put = [&](const auto& value) { file.write(reinterpret_cast<const char*>(&value), sizeof value); };
  file << "RIFF", put(riff), file << "WAVEfmt ", put(header), put(pcm), put(channels), put(rate), put(byte_rate),
      put(block), put(bits), file << "data", put(bytes);
  file.write(reinterpret_cast<const char*>(samples.data()), std::streamsize(bytes));
}

TEST_F(ClipExtractorOnGrid, SaysInWordsWhatAClipLacks) {
  write_sound(test::scratch("tone.wav"), 0.5F);
  const auto tone = extractor().extract(test::scratch("tone.wav"), 0, {});
  EXPECT_EQ(tone.facts.missing.vision, "there is no picture");
  EXPECT_EQ(tone.facts.missing.audio, "");
  EXPECT_EQ(tone.facts.missing.text, "nobody speaks");
  EXPECT_FALSE(tone.vision);
  ASSERT_TRUE(tone.audio);
  EXPECT_EQ(tone.audio->shape[0], 100);
  write_sound(test::scratch("silence.wav"), 0);
  const auto silence = extractor().extract(test::scratch("silence.wav"), 0, {});
  EXPECT_EQ(silence.facts.missing.audio, "the sound is silent");
  EXPECT_FALSE(silence.audio);
}

}  // namespace
}  // namespace kuda
