// kuda experiment: every file of experiments/ gives runnable commands; a small grid runs, goes on and names failures.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "kuda/base/file.h"
#include "kuda/checkpoint/small_encoder.h"
#include "tests/program.h"

namespace kuda::test {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::stringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

std::size_t count_commands(const std::string& text) {
  const auto lines = lines_of(text);
  return std::size_t(std::count_if(lines.begin(), lines.end(), [](const auto& x) { return x.starts_with("kuda "); }));
}

TEST(ExperimentFiles, EachGivesCommandsWhoseConfigurationsExist) {
  int files = 0;
  for (const auto& entry : fs::directory_iterator(fs::path(KUDA_SOURCE_DIR) / "experiments")) {
    if (entry.path().extension() != ".toml") continue;
    ++files;
    const auto text = read_file(entry.path());
    std::vector<std::string> arguments{"experiment", entry.path().string(), "--print-commands"};
    for (const std::string name : {"sims", "simsv2", "mosi", "mosei", "pom", "mmmo"})
      if (text.find("name = \"" + name + "\"") != std::string::npos)
        arguments.insert(arguments.end(), {"-d", name + "=" + name + ".pkl"});
    const auto run = run_kuda(arguments);
    ASSERT_EQ(run.exit_code, 0) << run.err;
    EXPECT_GT(count_commands(run.out), 2U) << entry.path();
    for (const auto& line : lines_of(run.out)) {
      const auto at = line.find(" -c ");
      if (at == std::string::npos) continue;
      const auto config = line.substr(at + 4, line.find(' ', at + 4) - at - 4);
      EXPECT_TRUE(fs::exists(config)) << line;
    }
  }
  EXPECT_GE(files, 6);
}

TEST(ExperimentFiles, AblationsShareStageOneUnlessTheyChangeIt) {
  const auto file = (fs::path(KUDA_SOURCE_DIR) / "experiments" / "table5.toml").string();
  const auto run = run_kuda(
      {"experiment", file, "-d", "sims=a b.pkl", "--only", "sims", "-s", "7", "--out", "runs/t", "--print-commands"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(count_commands(run.out), 8U);  // one stage 1, seven rows of the table
  EXPECT_THAT(run.out, HasSubstr("-d 'a b.pkl'"));
  for (const auto& line : lines_of(run.out)) {
    if (line.find("kuda+wo_sr") != std::string::npos)
      EXPECT_THAT(line, AllOf(HasSubstr("kuda.ratio=none"), HasSubstr("--pretrained runs/t/sims/stage1/kuda-7")));
    if (line.find("kuda+wo_kip") != std::string::npos) EXPECT_THAT(line, Not(HasSubstr("--pretrained")));
  }
}

TEST(ExperimentFiles, ShardsCoverTheListOnce) {
  const auto file = (fs::path(KUDA_SOURCE_DIR) / "experiments" / "table6.toml").string();
  const std::vector<std::string> all{"experiment", file, "-d", "sims=a", "-d", "simsv2=b", "--print-commands"};
  const auto part = [&](const std::string& shard) {
    auto arguments = all;
    arguments.insert(arguments.end(), {"--shard", shard});
    return count_commands(run_kuda(arguments).out);
  };
  const auto total = count_commands(run_kuda(all).out);
  EXPECT_EQ(part("1/3") + part("2/3") + part("3/3"), total);
  auto wrong = all;
  wrong.insert(wrong.end(), {"--shard", "4/3"});
  EXPECT_EQ(run_kuda(wrong).exit_code, 2);
}

/// One made data set with a cut encoder, two models with a variant each of the same name.
const char* const kMadeGrid =
    "title = \"made\"\nseeds = [1, 2]\nmodels = [\"tfn\", \"lmf\"]\nexplain = true\n"
    "[[data]]\nname = \"a\"\nconfig = \"{model}.toml\"\nencoder = \"bert\"\nencoder_layers = 2\n"
    "synth = [\"--train=12\", \"--valid=6\", \"--test=6\"]\n"
    "[[variants]]\nname = \"\"\nmodels = [\"tfn\"]\nset = [\"tfn.text_hidden=8\"]\n"
    "[[variants]]\nname = \"\"\nmodels = [\"lmf\"]\nset = [\"lmf.text_hidden=8\"]\n";

TEST(ExperimentFiles, DataSetsAreMadeAndEncodersCutBeforeTheRuns) {
  const TemporaryFolder folder;
  std::ofstream(folder / "x.toml") << kMadeGrid;
  const std::vector<std::string> words{"experiment", (folder / "x.toml").string(), "--out", "o", "--print-commands"};
  const auto run = run_kuda(words);
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const auto lines = lines_of(run.out);
  EXPECT_EQ(lines.front(), "kuda data synth o/a/data --train=12 --valid=6 --test=6");
  EXPECT_THAT(run.out, HasSubstr("\nkuda data encoder o/a/data bert o/a/encoder --layers 2\n"));
  EXPECT_EQ(count_commands(run.out), 2U + 4U);
  EXPECT_THAT(lines.back(),
              AllOf(HasSubstr("kuda train -m lmf"), HasSubstr("-d o/a/data"), HasSubstr("--encoder o/a/encoder"),
                    HasSubstr("lmf.text_hidden=8"), Not(HasSubstr("tfn.text_hidden")), HasSubstr("--explain")));
  const auto with = [&](const std::vector<std::string>& more) {
    auto all = words;
    all.insert(all.end(), more.begin(), more.end());
    return run_kuda(all);
  };
  EXPECT_EQ(count_commands(with({"-s", "1"}).out), 2U + 2U);
  for (const char* shard : {"1/4", "4/4"})
    EXPECT_EQ(count_commands(with({"--shard", shard}).out), 2U + 1U) << "each part makes the data set";
  const auto given = with({"-d", "a=my.pkl", "--encoder", "other"});
  EXPECT_THAT(given.out, AllOf(Not(HasSubstr("data synth")), HasSubstr("data encoder my.pkl other o/a/encoder")));
}

TEST(ExperimentFiles, MistakesAreNamed) {
  const TemporaryFolder folder;
  const auto run = [&](const std::string& text) {
    std::ofstream(folder / "x.toml") << text;
    return run_kuda({"experiment", (folder / "x.toml").string(), "-d", "a=x", "--print-commands"});
  };
  const std::string good =
      "title = \"t\"\nseeds = [1]\nmodels = [\"tfn\"]\n[[data]]\nname = \"a\"\nconfig = \"c.toml\"\n";
  EXPECT_EQ(run(good).exit_code, 0);
  EXPECT_THAT(run("titel = 1\n" + good).err, AllOf(HasSubstr("titel"), HasSubstr("did you mean 'title'?")));
  EXPECT_THAT(run("title = \"t\"\nseeds = [1]\nmodels = [\"tfm\"]\n[[data]]\nname = \"a\"\nconfig = \"c\"\n").err,
              HasSubstr("tfm"));
  EXPECT_THAT(run(good + "pth = \"x\"\n").err, AllOf(HasSubstr("x.toml:7: pth"), HasSubstr("'path'")));
  EXPECT_EQ(run("title = ").exit_code, 3);
  EXPECT_THAT(run(good + "path = \"x\"\nsynth = [\"--train=5\"]\n").err, HasSubstr("both path and synth"));
  EXPECT_THAT(run(good + "encoder_layers = 2\n").err, HasSubstr("--encoder"));
  EXPECT_THAT(run(good + "[[variants]]\nname = \"\"\n[[variants]]\nname = \"\"\nmodels = [\"tfn\"]\n").err,
              HasSubstr("comes twice"));
}

TEST(ExperimentRuns, AGridRunsGoesOnAndNamesWhatFailed) {
  const TemporaryFolder folder;
  const auto clips = (folder / "clips").string();
  ASSERT_EQ(run_kuda({"data", "synth", clips, "--train", "12", "--valid", "6", "--test", "6"}).exit_code, 0);
  std::ofstream(folder / "tfn.toml")
      << "model = \"tfn\"\n[train]\nepochs = 1\nbatch_size = 4\n[tfn]\ntext_hidden = 8\n";
  std::ofstream(folder / "grid.toml")
      << "title = \"small\"\nseeds = [1, 2]\nmodels = [\"tfn\"]\n[[data]]\nname = \"a\"\nconfig = \"{model}.toml\"\n"
         "[[variants]]\nname = \"\"\n[[variants]]\nname = \"broken\"\nset = [\"tfn.no_such_key=1\"]\n";
  const auto out = folder / "runs";
  const auto start = [&](const std::vector<std::string>& more) {
    std::vector<std::string> arguments{"experiment", (folder / "grid.toml").string(),
                                       "-d",         "a=" + clips,
                                       "--out",      out.string(),
                                       "--jobs",     "2",
                                       "--encoder",  std::string(KUDA_SOURCE_DIR) + "/encoders/minilm"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_kuda(arguments);
  };
  const auto first = start({});
  EXPECT_EQ(first.exit_code, 1);
  EXPECT_THAT(first.err, HasSubstr("2 of 4 runs failed"));
  EXPECT_THAT(first.out, AllOf(HasSubstr("a/tfn/1"), HasSubstr("test MAE"), HasSubstr("no_such_key"),
                               HasSubstr("failed: a/tfn+broken/2")));
  EXPECT_TRUE(fs::exists(out / "a" / "tfn" / "2" / "metrics.json"));
  EXPECT_THAT(start({}).out, HasSubstr("2 of 4 finished, 2 of them before"));
}

TEST(ExperimentRuns, AMadeDataSetIsTrainedOnExplainedAndReported) {
  const TemporaryFolder folder;
  for (const char* model : {"tfn", "lmf"})
    std::ofstream(folder / (std::string(model) + ".toml"))
        << "model = \"" << model << "\"\n[train]\nepochs = 1\nbatch_size = 4\n";
  std::ofstream(folder / "x.toml") << kMadeGrid;
  write_small_encoder(folder / "bert");
  const std::vector<std::string> words{"experiment", "x.toml", "--out", "runs", "-s", "1", "--encoder", "bert"};
  const auto first = run_kuda(words, folder.path());
  ASSERT_EQ(first.exit_code, 0) << first.out << first.err;
  EXPECT_THAT(first.out, AllOf(HasSubstr("a/data"), HasSubstr("a/encoder"), HasSubstr("4 of 4 finished")));
  const auto made = fs::last_write_time(folder / "runs/a/data/clips.csv");
  const auto explained = nlohmann::json::parse(read_file(folder / "runs/a/tfn/1/explain.json"));
  EXPECT_EQ(explained["clips"], 6);
  EXPECT_FALSE(explained["summary"].contains("unimodal")) << "TFN has no decoder of one modality";
  EXPECT_TRUE(explained["summary"]["removal"]["names_truth"].is_number());
  const auto facts = nlohmann::json::parse(read_file(folder / "runs/a/lmf/1/run.json"));
  EXPECT_GT(facts["data"]["synthetic"]["test"]["bound"].get<double>(), 0);
  EXPECT_EQ(run_kuda(words, folder.path()).exit_code, 0);
  EXPECT_EQ(fs::last_write_time(folder / "runs/a/data/clips.csv"), made) << "the same clips are left alone";
  const auto report = run_kuda({"report", "runs", "--out", "report"}, folder.path());
  ASSERT_EQ(report.exit_code, 0) << report.err;
  EXPECT_THAT(report.out, AllOf(HasSubstr("by conflict"), HasSubstr("Dominance benchmark (synthetic data)")));
  EXPECT_THAT(read_file(folder / "report/dominance.md"), AllOf(HasSubstr("| lmf |"), HasSubstr("runs finished")));
  EXPECT_TRUE(fs::exists(folder / "report/dominance.csv"));
  EXPECT_TRUE(fs::exists(folder / "report/by_conflict.csv"));
}

}  // namespace
}  // namespace kuda::test
