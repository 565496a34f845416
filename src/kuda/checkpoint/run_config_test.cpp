#include "kuda/checkpoint/run_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <regex>
#include <set>
#include <sstream>

#include "kuda/base/error.h"
#include "kuda/base/file.h"

namespace kuda {
namespace {

using testing::HasSubstr;
using testing::Not;

/// The lines of a configuration that start with a key.
std::string line_of(RunConfig config, const std::string& key) {
  const auto text = "\n" + config.to_toml();
  const auto begin = text.find("\n" + key + " =");
  return begin == std::string::npos ? "" : text.substr(begin + 1, text.find('\n', begin + 1) - begin - 1);
}

TEST(RunConfig, PrintedInFullItReadsBackToTheSame) {
  auto config = RunConfig::load({}, {"released", {"train.lr=2e-5", "seed=7", "data.path=mosi.pkl"}});
  const auto text = config.to_toml();
  EXPECT_EQ(RunConfig::parse(text, "config.toml").to_toml(), text);
  EXPECT_EQ(config.profile, "released");
  EXPECT_EQ(config.data, "mosi.pkl");
  for (const char* part : {"[data]", "[pretrain]", "[train]", "[kuda]", "ratio = \"gaussian\""})
    EXPECT_THAT(text, HasSubstr(part));
}

TEST(RunConfig, OrderIsDefaultsProfileFileNamedProfileSet) {
  const std::string file = "profile = \"released\"\n[kuda]\nk = 2.0\n";
  EXPECT_EQ(line_of(RunConfig::parse(file, "f"), "k"), "k = 2.0") << "a file's key over its profile";
  EXPECT_EQ(line_of(RunConfig::parse(file, "f"), "ratio"), "ratio = \"gaussian\"");
  EXPECT_EQ(line_of(RunConfig::parse(file, "f", {"released", {}}), "k"), "k = 0.1") << "a named profile over the file";
  EXPECT_EQ(line_of(RunConfig::parse(file, "f", {"", {"profile=paper"}}), "ratio"), "ratio = \"inverse\"")
      << "--set profile= names one too";
  EXPECT_EQ(line_of(RunConfig::parse(file, "f", {"released", {"kuda.k=5"}}), "k"), "k = 5.0") << "--set over all";
  EXPECT_EQ(RunConfig::parse(file, "f", {"", {"profile=paper"}}).profile, "paper");
  EXPECT_EQ(RunConfig::load({}, {}).profile, "paper") << "the first of the model";
}

TEST(RunConfig, ErrorsNameTheNearest) {
  const auto error_of = [](const ConfigChanges& changes) -> std::string {
    try {
      (void)RunConfig::load({}, changes);
    } catch (const Error& error) {
      return error.what();
    }
    return "none";
  };
  EXPECT_THAT(error_of({"relesed", {}}), HasSubstr("'released'"));
  EXPECT_THAT(error_of({"", {"train.epoch=3"}}), HasSubstr("'epochs'"));
  EXPECT_THAT(error_of({"", {"model=kudo"}}), HasSubstr("'kuda'"));
  EXPECT_THAT(error_of({"", {"train.betas=[0.9]"}}), HasSubstr("train.betas"));
  EXPECT_EQ(error_of({"", {"pretrain.epochs=0"}}), "none");
  EXPECT_THAT(error_of({"", {"train.epochs=0"}}), HasSubstr("at least 1"));
  EXPECT_EQ(error_of({"", {"pretrain.precision=bf16-emulated", "train.precision=bf16"}}), "none")
      << "read on any machine: a checkpoint holds the configuration of its run";
  EXPECT_THAT(error_of({"", {"train.precision=fp16"}}), HasSubstr("one of fp32, bf16, bf16-emulated, found"));
  EXPECT_THAT(error_of({"", {"train.precision=int8"}}), HasSubstr("int8 is for scoring"));
}

TEST(RunConfig, EveryPresetLoads) {
  std::size_t presets = 0;
  for (const auto& entry : std::filesystem::directory_iterator(KUDA_SOURCE_DIR "/configs")) {
    if (entry.path().extension() != ".toml") continue;
    auto config = RunConfig::load(entry.path(), {});
    EXPECT_EQ(RunConfig::parse(config.to_toml(), "again").to_toml(), config.to_toml()) << entry.path();
    ++presets;
  }
  EXPECT_GE(presets, 4U);
}

TEST(RunConfig, EveryKeyHasAMeaning) {
  auto config = RunConfig::load({}, {});
  const auto schema = config.schema();  // by name: a temporary would be gone before the first section
  for (const auto& section : schema.sections())
    for (const auto& field : section.fields.list())
      EXPECT_GT(field.help.size(), 10U) << section.name << "." << field.name;
}

/// Keys in the right column of "## Published options": `train.lr`, `weight_decay` (of the section before it), and those
/// of the top level. A cell that begins with "left out" names none.
std::vector<std::string> keys_of_published_options(const std::string& readme) {
  std::vector<std::string> keys;
  std::istringstream lines(readme.substr(std::min(readme.size(), readme.find("## Published options"))));
  const std::regex name("`([a-z_0-9]+\\.)?([a-z_0-9]+)( = [^`]*)?`");
  for (std::string line; std::getline(lines, line);) {
    const auto cell = line.find(" | ");
    if (cell == std::string::npos || line.compare(cell + 3, 8, "left out") == 0) continue;
    std::string section;
    for (std::sregex_iterator it(line.begin() + std::ptrdiff_t(cell), line.end(), name), end; it != end; ++it) {
      if ((*it)[1].matched) section = (*it)[1];
      keys.push_back(section + (*it)[2].str());
    }
  }
  return keys;
}

TEST(RunConfig, HasEveryKeyThatAModelsReadmeNamesForAPublishedOption) {
  for (const auto& info : all_models()) {
    auto config = RunConfig::parse("model = \"" + info.name + "\"", "test");
    const auto schema = config.schema();
    std::set<std::string> known;
    for (const auto& section : schema.sections())
      for (const auto& field : section.fields.list())
        known.insert(section.name.empty() ? field.name : section.name + "." + field.name);
    const auto readme = std::filesystem::path(KUDA_SOURCE_DIR) / "src/kuda/models" / info.name / "README.md";
    const auto keys = keys_of_published_options(read_file(readme));
    EXPECT_GE(keys.size(), 10U) << readme;
    for (const auto& key : keys) EXPECT_TRUE(known.contains(key)) << readme << ": " << key << " is no key";
  }
}

}  // namespace
}  // namespace kuda
