// The program from outside: exit codes, help, messages. docs/configuration.md is checked here too, because the
// program writes it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "tests/program.h"
#include "tests/tiny_bert.h"

namespace kuda::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::IsEmpty;

void write(const fs::path& path, const std::string& content) { std::ofstream(path, std::ios::binary) << content; }

std::string read(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  std::stringstream content;
  content << stream.rdbuf();
  return content.str();
}

std::ptrdiff_t lines(const std::string& text) { return std::count(text.begin(), text.end(), '\n'); }

const std::vector<std::vector<std::string>> kVerbs{
    {"data"},          {"data", "inspect"}, {"data", "check"}, {"data", "import"}, {"data", "stats"},
    {"data", "synth"}, {"models"},          {"config"},        {"pretrain"},       {"train"},
    {"evaluate"},      {"predict"},         {"compare"},       {"selfcheck"}};

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
  EXPECT_THAT(run_kuda({"models"}).out, HasSubstr("Feng et al."));
}

}  // namespace
}  // namespace kuda::test
