// Synthetic talking clips through the whole way: sentences that espeak-ng speaks, over faces of GRID, to a transcript
// and a score. The model is that of scripts/first_model.sh, trained on fewer clips. Skipped where something of it is
// missing.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "kuda/base/file.h"
#include "kuda/base/test_support.h"
#include "tests/program.h"

namespace kuda::test {
namespace {

namespace fs = std::filesystem;
using json = nlohmann::json;
using testing::HasSubstr;

const fs::path kRoot = KUDA_SOURCE_DIR;

struct Sentence {
  const char* name;
  const char* face;  // of GRID
  const char* text;
  std::vector<const char*> heard;  // words that must be in the transcript
};

const std::vector<Sentence> kPositive{
    {"love", "bbaf2n.mpg", "I love this wonderful film. It is really great.", {"love", "wonderful", "great"}},
    {"best", "brbk7n.mpg", "This is the best movie I have seen. It was amazing.", {"best", "movie", "amazing"}},
    {"funny", "id2_vcd_swwp2s.mpg", "It was very funny and I enjoyed it a lot.", {"funny", "enjoyed"}},
};
const std::vector<Sentence> kNegative{
    {"hate", "bbaf2n.mpg", "This is a terrible film and I hate it.", {"terrible", "hate"}},
    {"worst", "brbk7n.mpg", "It was the worst movie ever. It was really bad.", {"worst", "movie"}},
    {"boring", "id2_vcd_swwp2s.mpg", "The story was boring and stupid. I did not like it.", {"boring", "stupid"}},
};

std::vector<Sentence> all_sentences() {
  auto all = kPositive;
  all.insert(all.end(), kNegative.begin(), kNegative.end());
  return all;
}

fs::path face_of(const Sentence& sentence) { return shared_file(std::string("data/grid/") + sentence.face); }

/// What is not there of what the test needs; empty where all is.
std::string absent() {
  if (run_shell("command -v espeak-ng && command -v ffmpeg", ".").exit_code != 0)
    return "no espeak-ng or no ffmpeg: scripts/setup.sh --test";
  if (!fs::exists(kRoot / "extractors/default") || !fs::exists(kRoot / "encoders/minilm/config.json"))
    return "no weights: scripts/setup.sh --extractor";
  for (const auto& sentence : all_sentences())
    if (!fs::exists(face_of(sentence))) return "no clips of GRID at " + face_of(sentence).string();
  if (const auto labels = shared_file("data/mosi/label.csv"); !fs::exists(labels))
    return "no labels of MOSI at " + labels.string();
  return {};
}

/// espeak-ng says it, the face is repeated for as long as that takes.
void make_clip(const Sentence& sentence, const fs::path& folder) {
  const std::string name = sentence.name;
  const auto run = run_shell(
      "espeak-ng -v en-us -s 150 -w " + name + ".wav '" + sentence.text +
          "' && ffmpeg -nostdin -v error -stream_loop -1 -i '" + face_of(sentence).string() + "' -i " + name +
          ".wav -map 0:v -map 1:a -shortest -fflags +shortest -c:v mpeg4 -q:v 3 -c:a aac " + "clips/" + name + ".mp4",
      folder);
  ASSERT_EQ(run.exit_code, 0) << run.err;
}

/// Every third clip of MOSI: a minute's training in place of three.
void write_labels(const fs::path& path) {
  std::ifstream all(shared_file("data/mosi/label.csv"));
  std::ofstream some(path);
  std::size_t number = 0;
  for (std::string line; std::getline(all, line); ++number)
    if (number == 0 || number % 3 == 1) some << line << "\n";
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return char(std::tolower(c)); });
  return text;
}

class SyntheticTalking : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (!absent().empty()) return;
    folder_ = new TemporaryFolder;
    fs::create_directories(*folder_ / "clips");
    for (const auto& sentence : all_sentences()) make_clip(sentence, folder_->path());
    write_labels(*folder_ / "label.csv");
    const auto trained =
        run_shell("'" + (kRoot / "scripts/first_model.sh").string() + "' kuda label.csv first", folder_->path());
    ASSERT_EQ(trained.exit_code, 0) << trained.err;
    std::vector<std::string> words{"predict", "first/text", "--json"};
    for (const auto& sentence : all_sentences())
      words.insert(words.end(), {"--video", std::string("clips/") + sentence.name + ".mp4"});
    const auto scored = run_kuda(words, folder_->path());
    ASSERT_EQ(scored.exit_code, 0) << scored.err;
    for (auto& video : json::parse(scored.out)) answers_[fs::path(video["file"].get<std::string>()).stem()] = video;
  }
  static void TearDownTestSuite() { delete folder_; }
  void SetUp() override {
    if (const auto why = absent(); !why.empty()) GTEST_SKIP() << why;
    ASSERT_EQ(answers_.size(), all_sentences().size()) << "the clips, or the model, could not be made";
  }
  static inline TemporaryFolder* folder_ = nullptr;
  static inline std::map<std::string, json> answers_;
};

TEST_F(SyntheticTalking, KeyWordsAreHeard) {
  for (const auto& sentence : all_sentences()) {
    const auto& video = answers_[sentence.name]["video"];
    const auto transcript = lower(video["transcript"]);
    for (const auto* word : sentence.heard) EXPECT_THAT(transcript, HasSubstr(word)) << sentence.text;
    EXPECT_GE(video["words"].size(), sentence.heard.size());
    EXPECT_EQ(video["pictures_with_face"], video["pictures"]) << sentence.face;
  }
}

TEST_F(SyntheticTalking, PositiveSentencesScoreAboveNegativeOnes) {
  for (const auto& good : kPositive)
    for (const auto& bad : kNegative)
      EXPECT_GT(answers_[good.name]["score"].get<double>(), answers_[bad.name]["score"].get<double>())
          << answers_[good.name]["video"]["transcript"] << " / " << answers_[bad.name]["video"]["transcript"];
}

TEST_F(SyntheticTalking, AModelOfWordsSaysThatItReadsNothingElse) {
  for (const auto& [name, answer] : answers_) {
    EXPECT_EQ(answer["video"]["missing"], (json{{"vision", "not read"}, {"audio", "not read"}})) << name;
    EXPECT_FALSE(answer["interval"].is_null()) << "no modality that it reads is missing";
  }
}

TEST_F(SyntheticTalking, TheRunTakesRecipeAndWeightsAlong) {
  const auto config = json::parse(read_file(*folder_ / "first/text/model/config.json"));
  EXPECT_THAT(config["recipe"].get<std::string>(), HasSubstr("frames_per_second"));
  EXPECT_TRUE(fs::exists(*folder_ / "first/text/model/extractor/whisper-tiny.en/model.safetensors"));
}

/// Extracted and packed first: the other way that a video can go.
TEST_F(SyntheticTalking, ADataSetOfTheClipsHasTheSameScores) {
  const auto run =
      run_shell("kuda data extract clips --out extracted --extractor '" + (kRoot / "extractors/default").string() +
                    "' && kuda data pack extracted packed --language en --family mosi" +
                    " && kuda predict first/text -d packed --json --out packed.json",
                folder_->path());
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const auto packed = json::parse(read_file(*folder_ / "packed.json"));
  ASSERT_EQ(packed.size(), answers_.size());
  for (const auto& clip : packed)  // neighbours in a batch change a score by float32 rounding
    EXPECT_NEAR(clip["prediction"].get<double>(), answers_.at(clip["id"].get<std::string>())["score"].get<double>(),
                1e-5)
        << clip["id"];
}

}  // namespace
}  // namespace kuda::test
