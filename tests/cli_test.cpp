// The program from outside: exit codes, help, messages. docs/configuration.md is checked here too, because the
// program writes it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "kuda/base/test_support.h"
#include "kuda/checkpoint/small_encoder.h"
#include "tests/program.h"

namespace kuda::test {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::EndsWith;
using testing::Gt;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Lt;
using testing::Not;

void write(const fs::path& path, const std::string& content) { std::ofstream(path, std::ios::binary) << content; }

std::string read(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  std::stringstream content;
  content << stream.rdbuf();
  return content.str();
}

std::ptrdiff_t count_lines(const std::string& text) { return std::count(text.begin(), text.end(), '\n'); }

const std::vector<std::vector<std::string>> kVerbs{
    {"data"},          {"data", "inspect"}, {"data", "check"},   {"data", "import"}, {"data", "stats"},
    {"data", "synth"}, {"data", "encoder"}, {"data", "extract"}, {"data", "pack"},   {"models"},
    {"config"},        {"pretrain"},        {"train"},           {"evaluate"},       {"predict"},
    {"compare"},       {"explain"},         {"embed"},           {"experiment"},     {"report"},
    {"convert"},       {"serve"},           {"selfcheck"}};

TEST(CommandLine, HelpOfEveryVerbShowsAnExample) {
  for (auto words : kVerbs) {
    std::string name = "kuda";
    for (const auto& word : words) name += " " + word;
    words.emplace_back("--help");
    const Outcome run = run_kuda(words);
    EXPECT_EQ(run.exit_code, 0) << name << run.err;
    EXPECT_THAT(run.err, IsEmpty());
    EXPECT_THAT(run.out, HasSubstr("  " + name + " ")) << "no example of " << name;
  }
}

TEST(CommandLine, VersionNamesLibTorch) {
  const Outcome run = run_kuda({"--version"});
  EXPECT_EQ(run.exit_code, 0);
  EXPECT_THAT(run.out, HasSubstr("LibTorch 2."));
}

TEST(CommandLine, UnknownVerbGivesTheNearestAndExitCode2) {
  const Outcome run = run_kuda({"trian", "-d", "x"});
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_THAT(run.out, IsEmpty());
  EXPECT_THAT(run.err, HasSubstr("unknown verb 'trian'"));
  EXPECT_THAT(run.err, HasSubstr("did you mean 'train'?"));
}

TEST(CommandLine, UnknownVerbOfDataGivesTheNearest) {
  const Outcome run = run_kuda({"data", "chek", "x.pkl"});
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_THAT(run.err, HasSubstr("did you mean 'check'?"));
}

TEST(CommandLine, UnknownOptionGivesTheNearestAndExitCode2) {
  const Outcome run = run_kuda({"train", "-d", "x", "--encodr", "y"});
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_THAT(run.err, HasSubstr("unknown option '--encodr'"));
  EXPECT_THAT(run.err, HasSubstr("did you mean '--encoder'?"));
}

TEST(CommandLine, NoVerbListsThem) {
  const Outcome run = run_kuda({});
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_THAT(run.err, HasSubstr("evaluate"));
}

TEST(CommandLine, UnknownModelGivesTheNearestAndExitCode2) {
  const Outcome run = run_kuda({"config", "-m", "kudo"});
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_THAT(run.err, HasSubstr("'kuda'"));
}

TEST(Models, JsonListsEveryModelWithItsProfiles) {
  const Outcome run = run_kuda({"models", "--json"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const auto models = nlohmann::json::parse(run.out);
  ASSERT_FALSE(models.empty());
  EXPECT_EQ(models[0]["name"], "kuda");
  EXPECT_EQ(models[0]["profiles"][0]["name"], "paper");
  for (const auto& model : models) {  // docs/parity.json knows every model
    EXPECT_GT(model["parameters_without_text_encoder"].get<std::int64_t>(), 0) << model["name"];
    EXPECT_THAT(model["parity"].get<std::string>(), HasSubstr(" cases")) << model["name"];
  }
  EXPECT_THAT(run_kuda({"models"}).out, HasSubstr("Feng et al."));
}

TEST(Documentation, ConfigurationPageIsCurrent) {
  const Outcome run = run_kuda({"config", "--markdown"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(run.out, read(fs::path(KUDA_SOURCE_DIR) / "docs/configuration.md")) << "run `make docs`";
}

TEST(Config, PrintedConfigurationReadsBackToTheSame) {
  const TemporaryFolder folder;
  const Outcome first =
      run_kuda({"config", "--profile", "released", "--set", "train.epochs=15", "--set", "data.path=x"});
  ASSERT_EQ(first.exit_code, 0) << first.err;
  EXPECT_THAT(first.out, HasSubstr("epochs = 15"));
  write(folder / "run.toml", first.out);
  const Outcome second = run_kuda({"config", "-c", (folder / "run.toml").string()});
  EXPECT_EQ(second.out, first.out) << second.err;
}

TEST(Config, UnknownKeyNamesLineAndNearestKeyWithExitCode3) {
  const TemporaryFolder folder;
  write(folder / "bad.toml", "[train]\nepochs = 3\nbatchsize = 8\n");
  const Outcome run = run_kuda({"config", "-c", (folder / "bad.toml").string()});
  EXPECT_EQ(run.exit_code, 3);
  EXPECT_THAT(run.err, HasSubstr("batchsize"));
  EXPECT_THAT(run.err, HasSubstr("batch_size"));
  EXPECT_THAT(run.err, HasSubstr("3"));
  EXPECT_EQ(run_kuda({"config", "--set", "train.lr=fast"}).exit_code, 3);
  EXPECT_EQ(run_kuda({"config", "--profile", "papre"}).exit_code, 3);
}

TEST(Config, EveryPresetIsValid) {
  std::size_t presets = 0;
  for (const auto& entry : fs::directory_iterator(fs::path(KUDA_SOURCE_DIR) / "configs")) {
    if (entry.path().extension() != ".toml") continue;
    ++presets;
    const Outcome run = run_kuda({"config", "-c", entry.path().string()});
    EXPECT_EQ(run.exit_code, 0) << entry.path() << run.err;
  }
  EXPECT_GE(presets, 5U);
}

// A pickle that would run a command: refused by name, nothing executed.
TEST(Data, HostilePickleIsRefusedWithExitCode4) {
  const TemporaryFolder folder;
  const auto witness = folder / "executed";
  write(folder / "hostile.pkl", "cposix\nsystem\n(S'touch " + witness.string() + "'\ntR.");
  for (const char* verb : {"inspect", "check"}) {
    const Outcome run = run_kuda({"data", verb, (folder / "hostile.pkl").string()});
    EXPECT_EQ(run.exit_code, 4);
    EXPECT_THAT(run.out, IsEmpty());
    EXPECT_THAT(run.err, HasSubstr("hostile.pkl"));
    EXPECT_THAT(run.err, HasSubstr("posix"));
    EXPECT_LE(count_lines(run.err), 2) << run.err;  // the message, and a hint
  }
  EXPECT_FALSE(fs::exists(witness));
}

TEST(Data, MissingAndDamagedFilesGiveExitCode4) {
  const TemporaryFolder folder;
  EXPECT_EQ(run_kuda({"data", "check", (folder / "nothing.pkl").string()}).exit_code, 4);
  write(folder / "cut.pkl", std::string("\x80\x04\x95\x10", 4));
  EXPECT_EQ(run_kuda({"data", "check", (folder / "cut.pkl").string()}).exit_code, 4);
}

/// A video that is none, in videos/, weights that are not those of the default recipe, and a recogniser beside them.
void write_other_weights(const TemporaryFolder& folder) {
  for (const char* name : {"videos", "weights/face", "weights/whisper-tiny.en", "own"})
    fs::create_directories(folder / name);
  for (const char* name : {"videos/a.mp4", "weights/face/detector.safetensors", "weights/voice_activity.safetensors",
                           "weights/whisper-tiny.en/model.safetensors", "own/model.safetensors"})
    write(folder / name, name);
  write(folder / "own/config.json", R"({"model_type": "whisper"})");
}

TEST(Data, ExtractTakesARecogniserInThePlaceOfThePinnedOne) {
  const TemporaryFolder folder;
  write_other_weights(folder);
  std::vector<std::string> words{"data", "extract", "videos", "--out", "out", "--extractor", "weights"};
  const Outcome pinned = run_kuda(words, folder.path());
  if (pinned.err.find("without FFmpeg") != std::string::npos) GTEST_SKIP() << pinned.err;
  EXPECT_EQ(pinned.exit_code, 4);
  EXPECT_THAT(pinned.err, HasSubstr("whisper-tiny.en: models.speech: the recipe was made with weights of SHA-256"));
  words.insert(words.end(), {"--speech-model", "own"});
  EXPECT_THAT(run_kuda(words, folder.path()).err, HasSubstr("models.voice_activity: the recipe was made with"))
      << "the recogniser is taken; other weights are asked for";
}

TEST(Data, StatsReproduceTheCheckedSharesOfChSims) {
  const auto labels = shared_file("data/chsims/label.csv");
  if (!fs::exists(labels)) GTEST_SKIP() << "the reference data are absent";
  const Outcome run = run_kuda({"data", "stats", labels.string()});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  for (const char* share : {"1100 (48.22 %)", "1333 (58.44 %)", "1384 (60.68 %)", "1167 (51.16 %)", "1156 (50.68 %)"})
    EXPECT_THAT(run.out, HasSubstr(share));
}

TEST(Data, SynthGivesTheSameBytesForTheSameSeedAndBounds) {
  const TemporaryFolder folder;
  for (const char* name : {"a", "b"}) {
    const Outcome run =
        run_kuda({"data", "synth", (folder / name).string(), "--train", "12", "--valid", "4", "--test", "4"});
    ASSERT_EQ(run.exit_code, 0) << run.err;
    EXPECT_THAT(run.out, HasSubstr("(the bound)"));
  }
  for (const char* file : {"clips.csv", "features.safetensors", "truth.csv"})
    EXPECT_EQ(read(folder / "a" / file), read(folder / "b" / file)) << file;
  EXPECT_EQ(run_kuda({"data", "synth", (folder / "c").string(), "--noise", "2"}).exit_code, 2);
  const auto unknown = run_kuda({"data", "synth", (folder / "c").string(), "--dominance", "texts"});
  EXPECT_EQ(unknown.exit_code, 2);
  EXPECT_THAT(unknown.err, HasSubstr("--dominance: expected one of balanced, text, vision, audio"));
}

TEST(Data, ImportMakesAFolderWithTheSameFingerprint) {
  const auto mosi = shared_file("data/mosi/mosi_utterance.pkl");
  if (!fs::exists(mosi)) GTEST_SKIP() << "the reference data are absent";
  const TemporaryFolder folder;
  const Outcome run = run_kuda({"data", "import", mosi.string(), (folder / "mosi").string()});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("2199 clips (train 1284, valid 229, test 686)"));
  const auto line = [](const std::string& text) { return text.substr(text.find("fingerprint"), 76); };
  EXPECT_EQ(line(run_kuda({"data", "inspect", (folder / "mosi").string()}).out),
            line(run_kuda({"data", "inspect", mosi.string()}).out));
}

/// One small trained model for all tests of this suite.
class Trained : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = std::make_unique<TemporaryFolder>();
    write_small_encoder(*folder_ / "bert", 6, 32);
    run_kuda({"data", "synth", "clips", "--train", "16", "--valid", "6", "--test", "6"}, folder_->path());
    run_kuda({"data", "synth", "other", "--train", "6", "--valid", "3", "--test", "3", "--vision-width", "9"},
             folder_->path());
    outcome_ = run_kuda({"train", "-d", "clips", "-m", "kuda", "-s", "7", "--encoder", "bert", "--out", "run", "--set",
                         "train.epochs=1", "--set", "pretrain.epochs=1", "--set", "kuda.blocks=1"},
                        folder_->path());
  }
  static void TearDownTestSuite() { folder_.reset(); }
  void SetUp() override { ASSERT_EQ(outcome_.exit_code, 0) << outcome_.err; }
  static Outcome run(const std::vector<std::string>& arguments) { return run_kuda(arguments, folder_->path()); }
  /// Column "prediction" of a predictions file by id (no cell of ours holds a comma).
  static std::map<std::string, double> scores_in(const std::string& csv) {
    std::map<std::string, double> scores;
    std::stringstream lines(csv);
    std::string line;
    std::getline(lines, line);
    while (std::getline(lines, line)) {
      std::stringstream cells(line);
      std::string id, split, label, score;
      std::getline(cells, id, ',');
      std::getline(cells, split, ',');
      std::getline(cells, label, ',');
      std::getline(cells, score, ',');
      scores[id] = std::stod(score);
    }
    return scores;
  }
  static std::unique_ptr<TemporaryFolder> folder_;
  static Outcome outcome_;
};
std::unique_ptr<TemporaryFolder> Trained::folder_;
Outcome Trained::outcome_;

TEST_F(Trained, TableShowsModelMajorityAndMean) {
  for (const char* word : {"kuda", "majority", "mean", "synthetic data", "MAE"})
    EXPECT_THAT(outcome_.out, HasSubstr(word));
  for (const char* file : {"config.toml", "run.json", "epochs.jsonl", "predictions.csv", "metrics.json"})
    EXPECT_TRUE(fs::exists(folder_->path() / "run" / file)) << file;
}

TEST_F(Trained, PredictGivesOneLinePerClipAndTheSameScoresAsTheRun) {
  const Outcome csv = run({"predict", "run/model", "-d", "clips", "--split", "test"});
  ASSERT_EQ(csv.exit_code, 0) << csv.err;
  EXPECT_EQ(count_lines(csv.out), 7);
  const auto whole = scores_in(read(folder_->path() / "run/predictions.csv"));
  const auto part = scores_in(csv.out);
  ASSERT_EQ(part.size(), 6U);
  // Batches of other clips: equal up to float32 rounding.
  for (const auto& [id, score] : part) EXPECT_NEAR(score, whole.at(id), 1e-5) << id;
}

TEST_F(Trained, PredictGivesTheSameScoresForAnyBatchSize) {
  const auto scores = [&](const char* batch) {
    const Outcome run = Trained::run({"predict", "run", "-d", "clips", "--json", "--batch", batch});
    EXPECT_EQ(run.exit_code, 0) << run.err;
    std::vector<double> values;
    for (const auto& entry : nlohmann::json::parse(run.out)) values.push_back(entry["prediction"]);
    return values;
  };
  const auto one = scores("1"), many = scores("5");
  ASSERT_EQ(one.size(), 28U);
  ASSERT_EQ(many.size(), one.size());
  for (std::size_t i = 0; i < one.size(); ++i) EXPECT_NEAR(one[i], many[i], 1e-5);  // float32 rounding
}

TEST_F(Trained, PredictGivesAnIntervalAroundEachScore) {
  const Outcome wide = run({"predict", "run", "-d", "clips", "--split", "test", "--level", "0.8", "--json"});
  ASSERT_EQ(wide.exit_code, 0) << wide.err;
  for (const auto& clip : nlohmann::json::parse(wide.out)) {
    EXPECT_EQ(clip["level"], 0.8);
    EXPECT_LE(clip["low"].get<double>(), clip["prediction"].get<double>());
    EXPECT_GE(clip["high"].get<double>(), clip["prediction"].get<double>());
  }
  const Outcome csv = run({"predict", "run", "-d", "clips", "--split", "test"});
  EXPECT_THAT(csv.out, HasSubstr("prediction_A,low,high,outside_range,far_input,cut\n"));
  EXPECT_THAT(csv.out, HasSubstr(",,false,,\n")) << "six validation clips do not determine 90 %";
  EXPECT_THAT(run({"predict", "run", "-d", "clips", "--modalities", "T"}).out, Not(HasSubstr(",low,high")));
  EXPECT_EQ(run({"predict", "run", "-d", "clips", "--level", "1.5"}).exit_code, 3);
  EXPECT_THAT(outcome_.out, HasSubstr("intervals: 80 % covers"));
}

TEST_F(Trained, PredictMarksScoresAndInputsBeyondThoseOfTraining) {
  namespace fs = std::filesystem;
  const auto narrow = folder_->path() / "narrow";
  fs::copy(folder_->path() / "run/model", narrow, fs::copy_options::recursive);
  auto facts = nlohmann::json::parse(std::ifstream(narrow / "config.json"));
  facts["score_low"] = -1e-6;
  facts["score_high"] = 1e-6;
  facts["largest_input"] = {1e-6, 1e-6, 1e-6};
  std::ofstream(narrow / "config.json") << facts;
  const Outcome csv = run({"predict", "narrow", "-d", "clips", "--split", "test"});
  ASSERT_EQ(csv.exit_code, 0) << csv.err;
  EXPECT_THAT(csv.out, HasSubstr(",true,vision audio,"));
  EXPECT_THAT(csv.out, Not(HasSubstr(",false,")));
  EXPECT_THAT(csv.err, HasSubstr("6 of 6 scores lie outside"));
  EXPECT_THAT(csv.err, HasSubstr("6 of 6 clips have values more than ten times as large"));
}

TEST_F(Trained, PredictSaysWhichClipsWereCut) {
  // The vocabulary of the small encoder has letters alone, so that some texts have more than 50 pieces.
  const Outcome csv = run({"predict", "run", "-d", "clips", "--split", "test"});
  ASSERT_EQ(csv.exit_code, 0) << csv.err;
  EXPECT_THAT(csv.out, HasSubstr(",far_input,cut\n"));
  std::size_t cut = 0;
  for (const auto& clip :
       nlohmann::json::parse(run({"predict", "run", "-d", "clips", "--split", "test", "--json"}).out)) {
    const auto id = clip["id"].get<std::string>();
    const auto begin = csv.out.find(id), end = csv.out.find('\n', begin);
    const auto line = csv.out.substr(begin, end - begin);
    if (!clip.contains("cut")) {
      EXPECT_THAT(line, EndsWith(",")) << "an empty cell";
      continue;
    }
    ++cut;
    EXPECT_GT(clip["cut"]["text"]["from"].get<int>(), 50) << id;
    EXPECT_EQ(clip["cut"]["text"]["to"], 50) << id;
    EXPECT_THAT(line, EndsWith(",text " + clip["cut"]["text"]["from"].dump() + " to 50"));
  }
  EXPECT_THAT(cut, AllOf(Gt(0U), Lt(6U)));
  EXPECT_THAT(csv.err, HasSubstr(std::to_string(cut) + " of 6 clips are longer than what the model reads"));
  const Outcome no_text = run({"predict", "run", "-d", "clips", "--modalities", "V,A"});
  EXPECT_THAT(no_text.out, Not(HasSubstr(" to "))) << "what is not read is not cut";
  EXPECT_THAT(no_text.err, Not(HasSubstr("cut")));
}

TEST_F(Trained, PredictTakesSingleClipsByIdAndNamesUnknownOnes) {
  const auto all = nlohmann::json::parse(run({"predict", "run", "-d", "clips", "--json"}).out);
  const std::string id = all[5]["id"];
  const auto single = nlohmann::json::parse(run({"predict", "run", "-d", "clips", "--clip", id, "--json"}).out);
  ASSERT_EQ(single.size(), 1U);
  EXPECT_EQ(single[0]["id"], id);
  EXPECT_NEAR(single[0]["prediction"].get<double>(), all[5]["prediction"].get<double>(), 1e-5);
  const Outcome unknown = run({"predict", "run", "-d", "clips", "--clip", "nobody$_$1"});
  EXPECT_EQ(unknown.exit_code, 4);
  EXPECT_THAT(unknown.err, HasSubstr("nobody"));
}

TEST_F(Trained, PredictWithFewerModalitiesLeavesTheOthersOut) {
  const auto part = nlohmann::json::parse(run({"predict", "run", "-d", "clips", "--modalities", "T,V", "--json"}).out);
  EXPECT_TRUE(part[0]["unimodal"]["audio"].is_null());
  EXPECT_FALSE(part[0]["unimodal"]["text"].is_null());
  EXPECT_EQ(run({"predict", "run", "-d", "clips", "--modalities", "X"}).exit_code, 3);
}

TEST_F(Trained, PredictOfAVideoTakesARecogniserInThePlaceOfThePinnedOne) {
  write_other_weights(*folder_);
  std::vector<std::string> words{"predict",      "run", "--video",     "videos/a.mp4",
                                 "--modalities", "T",   "--extractor", "weights"};
  const Outcome pinned = run(words);
  if (pinned.err.find("without FFmpeg") != std::string::npos) GTEST_SKIP() << pinned.err;
  EXPECT_EQ(pinned.exit_code, 4);
  EXPECT_THAT(pinned.err, HasSubstr("whisper-tiny.en: models.speech: the recipe was made with weights of SHA-256"));
  words.insert(words.end(), {"--speech-model", "own"});
  EXPECT_THAT(run(words).err, HasSubstr("models.voice_activity: the recipe was made with"));
  EXPECT_EQ(run({"predict", "run", "--video", "videos/a.mp4", "--extractor", "weights"}).exit_code, 5)
      << "its features were not made from video";
}

TEST_F(Trained, EvaluateWritesAReportWithBaselines) {
  const Outcome run = Trained::run({"evaluate", "run/model", "-d", "clips", "--out", "report", "--json"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const auto report = nlohmann::json::parse(run.out);
  for (const char* name : {"model", "majority", "mean"}) EXPECT_EQ(report["splits"]["test"][name]["n"], 6) << name;
  EXPECT_TRUE(report["is_synthetic"].get<bool>());
  EXPECT_EQ(read(folder_->path() / "report/report.json"), run.out);
  EXPECT_EQ(count_lines(read(folder_->path() / "report/predictions.csv")), 7);
}

TEST_F(Trained, EvaluateByConflictMeasuresTheSubsets) {
  const Outcome table = run({"evaluate", "run", "-d", "clips", "--by", "conflict"});
  ASSERT_EQ(table.exit_code, 0) << table.err;
  for (const char* text : {"by conflict", "signs agree", "vision dominant", "fewer than 30 clips"})
    EXPECT_THAT(table.out, HasSubstr(text));
  const Outcome json = run({"evaluate", "run", "-d", "clips", "--by", "conflict", "--json"});
  const auto subsets = nlohmann::json::parse(json.out)["by_conflict"]["test"];
  EXPECT_EQ(subsets["all"]["n"], 6);
  EXPECT_EQ(subsets["agree"]["n"].get<int>() + subsets["neutral"]["n"].get<int>() + subsets["opposed"]["n"].get<int>(),
            6);
  EXPECT_EQ(run({"evaluate", "run", "-d", "clips", "--by", "length"}).exit_code, 2);
}

TEST_F(Trained, DataEncoderCutsAnEncoderToTheTextsOfTheData) {
  const Outcome cut = run({"data", "encoder", "clips", "bert", "bert-small", "--layers", "2"});
  ASSERT_EQ(cut.exit_code, 0) << cut.err;
  EXPECT_THAT(cut.out, HasSubstr("bert-small: 2 layers, "));
  EXPECT_LT(count_lines(read(folder_->path() / "bert-small/vocab.txt")),
            count_lines(read(folder_->path() / "bert/vocab.txt")));
  EXPECT_EQ(run({"data", "encoder", "clips", "bert", "bert-small", "--layers", "99"}).exit_code, 3);
}

TEST_F(Trained, CompareOfAModelWithItselfShowsNoDifference) {
  const Outcome run = Trained::run({"compare", "run", "run/model", "-d", "clips", "--json"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const auto difference = nlohmann::json::parse(run.out)["absolute_error"];
  EXPECT_EQ(difference["n"], 6);
  EXPECT_EQ(difference["mean"], 0.0);
  EXPECT_EQ(difference["first_better"], 0);
}

TEST_F(Trained, ServeAnswersUntilItIsToldToStop) {
  const Outcome served = run_shell(
      "kuda serve run --port 0 >serving 2>messages & server=$!\n"
      "until grep -q http: serving; do kill -0 $server; sleep 0.1; done\n"
      "port=$(sed 's/.*://' serving)\n"
      "exec 3<>/dev/tcp/127.0.0.1/$port\n"
      "printf 'GET /health HTTP/1.0\\r\\n\\r\\n' >&3\n"
      "cat <&3\n"
      "kill -TERM $server\n"
      "wait $server && echo ended well\n"
      "cat messages",
      folder_->path());
  EXPECT_EQ(served.exit_code, 0) << served.out << served.err;
  EXPECT_THAT(served.out, AllOf(HasSubstr("200 OK"), HasSubstr("{\"status\":\"ok\"}"), HasSubstr("ended well"),
                                HasSubstr("everything that was accepted is answered")));
}

TEST_F(Trained, ServeRefusesWhatItCannotDo) {
  EXPECT_EQ(run({"serve", "nowhere"}).exit_code, 5);
  EXPECT_EQ(run({"serve", "run", "--port", "70000"}).exit_code, 2);
  EXPECT_EQ(run({"serve", "run", "--token-file", "nothing"}).exit_code, 4);
  write(folder_->path() / "two_words", "one two\n");
  const Outcome words = run({"serve", "run", "--token-file", "two_words"});
  EXPECT_EQ(words.exit_code, 3);
  EXPECT_THAT(words.err, AllOf(HasSubstr("two_words"), Not(HasSubstr("one two"))));
  EXPECT_EQ(run({"serve", "run", "--level", "1.5"}).exit_code, 3);
  const Outcome host = run({"serve", "nowhere", "--host-name", "https://kuda.example.org"});
  EXPECT_EQ(host.exit_code, 2) << "told before the checkpoint is looked for";
  EXPECT_THAT(host.err, HasSubstr("--host-name: expected a name"));
  EXPECT_EQ(run({"serve", "nowhere", "--allow-origin", "*"}).exit_code, 2);
}

TEST_F(Trained, ConvertWritesWeightsForPythonAndReadsThemBack) {
  const Outcome out = run({"convert", "run", "mine.pth", "--prefix", "Model."});
  ASSERT_EQ(out.exit_code, 0) << out.err;
  EXPECT_THAT(out.out, HasSubstr("mine.pth: "));
  const Outcome in = run({"convert", "mine.pth", "again", "-m", "kuda", "-d", "clips", "--encoder", "bert", "--set",
                          "kuda.blocks=1", "--set", "data.vision_length=5"});
  ASSERT_EQ(in.exit_code, 0) << in.err;
  EXPECT_THAT(in.out, HasSubstr("again: checkpoint with the "));
  const Outcome like = run({"convert", "mine.pth", "like", "--like", "run"});
  ASSERT_EQ(like.exit_code, 0) << like.err;
  const auto expected = run({"predict", "run", "-d", "clips"});
  for (const char* folder : {"again", "like"}) {
    const auto scores = run({"predict", folder, "-d", "clips"});
    EXPECT_EQ(scores.exit_code, 0) << scores.err;
    EXPECT_EQ(scores_in(scores.out), scores_in(expected.out)) << folder;
    EXPECT_THAT(scores.out, Not(HasSubstr(",low,high"))) << "nobody knows the errors of these weights";
    EXPECT_THAT(scores.err, HasSubstr("converted from published weights"));
  }
}

TEST_F(Trained, ConvertSaysInWhichWayWeightsDoNotFit) {
  ASSERT_EQ(run({"convert", "run", "fit.pth"}).exit_code, 0);
  const Outcome blocks = run({"convert", "fit.pth", "wrong", "-d", "clips", "--encoder", "bert"});
  EXPECT_EQ(blocks.exit_code, 5);
  EXPECT_THAT(blocks.err, AllOf(HasSubstr("fit.pth: does not fit"), HasSubstr("missing from the file")));
  const Outcome other = run({"convert", "fit.pth", "wrong", "-d", "clips", "--encoder", "bert", "-m", "misa"});
  EXPECT_EQ(other.exit_code, 5);
  EXPECT_THAT(other.err, HasSubstr("-m kuda"));
  EXPECT_FALSE(fs::exists(folder_->path() / "wrong"));
}

TEST_F(Trained, ConvertTakesEachOptionInItsDirectionOnly) {
  EXPECT_EQ(run({"convert", "run", "x.pth", "-m", "kuda"}).exit_code, 2);
  EXPECT_EQ(run({"convert", "run", "x.pth", "--names", "mmsa"}).exit_code, 2);
  EXPECT_EQ(run({"convert", "x.pth", "y"}).exit_code, 2);  // no data
  EXPECT_EQ(run({"convert", "x.pth", "y", "-d", "clips", "--prefix", "Model."}).exit_code, 2);
  EXPECT_EQ(run({"convert", "x.pth", "y", "-d", "clips", "--like", "run"}).exit_code, 2);
}

TEST_F(Trained, ExplainNamesWhatDecidedAndDrawsIt) {
  const auto run = Trained::run({"explain", "run", "-d", "clips", "--most", "1", "--out", "why"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  for (const char* text : {"without T", "and 5 more clips", "unimodal", "share", "removal", "Synthetic data"})
    EXPECT_THAT(run.out, HasSubstr(text));
  const auto json = nlohmann::json::parse(read(folder_->path() / "why" / "explanations.json"));
  ASSERT_EQ(json["clips"].size(), 6U);
  EXPECT_EQ(json["clips"][0]["block_shares"].size(), 1U);
  EXPECT_TRUE(json["clips"][0]["attention"]["text"]["weights"].is_array());
  int drawn = 0;
  for (const auto& entry : fs::directory_iterator(folder_->path() / "why")) {
    if (entry.path().extension() != ".gp") continue;
    ++drawn;
    EXPECT_THAT(read(entry.path()), HasSubstr("title 'synth_")) << "an id must not be run by gnuplot";
    EXPECT_TRUE(fs::exists(fs::path(entry.path()).replace_extension(".svg")));
  }
  EXPECT_EQ(drawn, 1);
}

TEST_F(Trained, EmbedShowsEveryModalityAndTheFusionInThePlane) {
  const auto run = Trained::run({"embed", "run", "-d", "clips", "--split", "all", "--out", "plane"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.err, HasSubstr("too few for perplexity 30"));
  const auto clips = count_lines(read(folder_->path() / "clips" / "clips.csv")) - 1;
  const auto csv = read(folder_->path() / "plane" / "embedding.csv");
  EXPECT_EQ(count_lines(csv), 4 * clips + 1);
  for (const char* panel : {",text,", ",vision,", ",audio,", ",fused,"}) EXPECT_THAT(csv, HasSubstr(panel));
  for (const char* file : {"embedding.svg", "embedding.pdf", "features.safetensors"})
    EXPECT_TRUE(fs::exists(folder_->path() / "plane" / file)) << file;
  const auto stage1 = Trained::run({"embed", "run/pretrain/text", "-d", "clips", "--out", "no"});
  EXPECT_EQ(stage1.exit_code, 5);
  EXPECT_THAT(stage1.err, HasSubstr("names no features"));
  EXPECT_EQ(Trained::run({"embed", "run", "-d", "clips", "--perplexity", "1", "--out", "no"}).exit_code, 3);
  EXPECT_FALSE(fs::exists(folder_->path() / "no"));
}

TEST_F(Trained, ConvertRefusesDamagedAndHostileFilesWithOneLineAndExitCode4) {
  ASSERT_EQ(run({"convert", "run", "cut.pth"}).exit_code, 0);
  fs::resize_file(folder_->path() / "cut.pth", 1000);
  for (const std::string& file : {std::string("cut.pth"), data_file("torch/whole_module.pth").string(),
                                  data_file("torch/torchscript.pt").string(), std::string("nothing.pth")}) {
    const Outcome run = Trained::run({"convert", file, "refused", "-d", "clips", "--encoder", "bert"});
    EXPECT_EQ(run.exit_code, 4) << file << run.err;
    EXPECT_THAT(run.err, HasSubstr(file));
    EXPECT_LE(count_lines(run.err), 2) << run.err;  // the message, and a hint
    EXPECT_FALSE(fs::exists(folder_->path() / "refused")) << file;
  }
}

TEST_F(Trained, ADamagedOrAbsentCheckpointGivesExitCode5) {
  EXPECT_EQ(run({"evaluate", "nowhere", "-d", "clips"}).exit_code, 5);
  fs::copy(folder_->path() / "run/model", folder_->path() / "cut");
  fs::resize_file(folder_->path() / "cut/model.safetensors", 1000);
  const Outcome cut = run({"predict", "cut", "-d", "clips"});
  EXPECT_EQ(cut.exit_code, 5) << cut.err;
  EXPECT_THAT(cut.err, HasSubstr("model.safetensors"));
}

TEST_F(Trained, DataOfAnotherWidthAreNamedWithBothSizes) {
  const Outcome run = Trained::run({"evaluate", "run", "-d", "other"});
  EXPECT_EQ(run.exit_code, 5);
  EXPECT_THAT(run.err, AllOf(HasSubstr("vision"), HasSubstr("20"), HasSubstr("9")));
}

TEST_F(Trained, ARunFolderOfAnotherConfigurationIsRefused) {
  const Outcome run =
      Trained::run({"train", "-d", "clips", "--encoder", "bert", "--out", "run", "--set", "train.epochs=9"});
  EXPECT_EQ(run.exit_code, 3) << run.err;
  EXPECT_THAT(run.err, HasSubstr("train.epochs"));
}

TEST_F(Trained, SelfcheckPasses) {
  const Outcome run = run_kuda({"selfcheck", "-m", "tfn", "-m", "kuda"});  // all of them: evaluation/selfcheck_test
  EXPECT_EQ(run.exit_code, 0) << run.out << run.err;
  EXPECT_THAT(run.out, Not(HasSubstr("FAILED")));
}

/// Two systems with two seeds each on the same clips, for all tests of this suite.
class Reported : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = std::make_unique<TemporaryFolder>();
    write_small_encoder(*folder_ / "bert", 2, 16);
    run_kuda({"data", "synth", "clips", "--train", "16", "--valid", "6", "--test", "8"}, folder_->path());
    for (const char* model : {"tfn", "lmf"}) {
      const Outcome trained = run_kuda({"train", "-d", "clips", "-m", model, "-s", "1", "-s", "2", "--encoder", "bert",
                                        "--set", "train.epochs=2", "--out", std::string("runs/clips/") + model},
                                       folder_->path());
      ASSERT_EQ(trained.exit_code, 0) << trained.err;
    }
    outcome_ = run_kuda({"report", "runs", "--out", "report"}, folder_->path());
  }
  static void TearDownTestSuite() { folder_.reset(); }
  static std::unique_ptr<TemporaryFolder> folder_;
  static Outcome outcome_;
};
std::unique_ptr<TemporaryFolder> Reported::folder_;
Outcome Reported::outcome_;

TEST_F(Reported, PrintsATableOfSystemsOverSeedsAndWritesTheFiles) {
  ASSERT_EQ(outcome_.exit_code, 0) << outcome_.err;
  for (const char* text : {"clips: synthetic (synthetic data), test split, 8 clips", "tfn", "lmf", " ± ", "majority",
                           "Holm over 1 comparison a column", "report/report.html"})
    EXPECT_THAT(outcome_.out, HasSubstr(text));
  const auto report = folder_->path() / "report";
  EXPECT_THAT(read(report / "report.html"), AllOf(HasSubstr("<h2>clips: synthetic"), HasSubstr("Results of 4 runs")));
  EXPECT_EQ(count_lines(read(report / "table.csv")), 1 + 4 * 6);  // two systems, mean, majority; six metrics
  EXPECT_EQ(count_lines(read(report / "mmsa/clips.csv")), 3);
  EXPECT_THAT(read(report / "table.tex"), HasSubstr("\\toprule"));
  EXPECT_TRUE(fs::exists(report / "figures/clips-intervals-MAE.gp"));
  EXPECT_TRUE(fs::exists(report / "figures/clips-curves-tfn.dat"));
}

TEST_F(Reported, GivesTheSameTablesAgain) {
  ASSERT_EQ(run_kuda({"report", "runs", "--out", "again"}, folder_->path()).exit_code, 0);
  for (const char* file : {"table.csv", "table.tex", "report.html"})
    EXPECT_EQ(read(folder_->path() / "report" / file), read(folder_->path() / "again" / file)) << file;
}

TEST_F(Reported, RefusesToMixDataAndNamesBothRuns) {
  run_kuda({"data", "synth", "other", "--train", "8", "--valid", "4", "--test", "4"}, folder_->path());
  const Outcome trained = run_kuda(
      {"train", "-d", "other", "-m", "tfn", "--encoder", "bert", "--set", "train.epochs=1", "--out", "mixed/other"},
      folder_->path());
  ASSERT_EQ(trained.exit_code, 0) << trained.err;
  const Outcome run = run_kuda({"report", "runs/clips", "mixed", "--out", "refused"}, folder_->path());
  EXPECT_EQ(run.exit_code, 4);
  EXPECT_THAT(run.err,
              AllOf(HasSubstr("different data"), HasSubstr("runs/clips/lmf/seed-1"), HasSubstr("mixed/other")));
  EXPECT_FALSE(fs::exists(folder_->path() / "refused"));
}

TEST_F(Reported, AnUnknownReferenceAndAnEmptyFolderAreErrors) {
  const Outcome run = run_kuda({"report", "runs", "--out", "r", "--reference", "tfm"}, folder_->path());
  EXPECT_EQ(run.exit_code, 4);
  EXPECT_THAT(run.err, HasSubstr("did you mean 'tfn'?"));
  EXPECT_EQ(run_kuda({"report", "bert", "--out", "r"}, folder_->path()).exit_code, 4);
  EXPECT_EQ(run_kuda({"report", "runs"}, folder_->path()).exit_code, 2);
}

TEST(Train, ASeedIsCheckedAsInAFile) {
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"train", "-d", "clips", "-s", "-1"},
                                             {"pretrain", "-d", "clips", "-s", "1", "-s", "-5"},
                                             {"config", "-s", "-1"}}) {
    const Outcome run = run_kuda(words);
    EXPECT_EQ(run.exit_code, 3) << run.out;
    EXPECT_THAT(run.err, AllOf(HasSubstr("seed"), HasSubstr("at least 0")));
  }
  for (const char* seed : {"99999999999999999999", "1.5", "one"}) {
    const Outcome run = run_kuda({"config", "-s", seed});
    EXPECT_EQ(run.exit_code, 3) << seed << run.out;
    EXPECT_THAT(run.err, AllOf(HasSubstr("--seed " + std::string(seed) + ": seed=" + seed), Not(HasSubstr("--set"))));
  }
  const Outcome precision = run_kuda({"config", "--precision", "fp8"});
  EXPECT_EQ(precision.exit_code, 3);
  EXPECT_THAT(precision.err, HasSubstr("--precision fp8: train.precision=fp8"));
  EXPECT_THAT(run_kuda({"config", "-s", "12"}).out, HasSubstr("seed = 12\n"));
}

TEST(Config, AModelWithoutProfilesSaysSo) {
  const Outcome run = run_kuda({"config", "-m", "tfn", "--profile", "selecting"});
  EXPECT_EQ(run.exit_code, 3);
  EXPECT_THAT(run.err, AllOf(HasSubstr("model 'tfn' has no profiles, found 'selecting'"), Not(HasSubstr("known:"))));
}

TEST(CommandLine, CountsAreWholeNumbersThatFit) {
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"explain", "run", "-d", "clips", "--most", "-1"},
                                             {"compare", "a", "b", "-d", "clips", "--clips", "-1"},
                                             {"data", "check", "clips", "--ids", "99999999999999999999"},
                                             {"predict", "run", "-d", "clips", "--batch", "0"},
                                             {"experiment", "file.toml", "-s", "-1"}}) {
    const Outcome run = run_kuda(words);
    EXPECT_EQ(run.exit_code, 2) << words.front() << run.out;
    EXPECT_THAT(run.err, HasSubstr("expected a whole number of at least")) << words.front();
  }
}

TEST(Train, WhatIsMissingIsSaidBeforeAnyWork) {
  const TemporaryFolder folder;
  EXPECT_EQ(run_kuda({"train", "-m", "kuda"}, folder.path()).exit_code, 2);  // no data
  run_kuda({"data", "synth", "clips", "--train", "6", "--valid", "3", "--test", "3"}, folder.path());
  const Outcome no_encoder = run_kuda({"train", "-d", "clips"}, folder.path());
  EXPECT_EQ(no_encoder.exit_code, 3);
  EXPECT_THAT(no_encoder.err, HasSubstr("no text encoder is given"));
}

}  // namespace
}  // namespace kuda::test
