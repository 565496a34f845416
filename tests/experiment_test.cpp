// kuda experiment: every file of experiments/ gives runnable commands; a small grid runs, goes on and names failures.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "kuda/base/file.h"
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
    for (const std::string name : {"sims", "simsv2", "mosi", "mosei"})
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
  EXPECT_THAT(run(good + "pth = \"x\"\n").err, AllOf(HasSubstr("data[1]"), HasSubstr("pth")));
  EXPECT_EQ(run("title = ").exit_code, 3);
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

}  // namespace
}  // namespace kuda::test
