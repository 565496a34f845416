#include "kuda/checkpoint/run_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "kuda/base/error.h"

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

}  // namespace
}  // namespace kuda
