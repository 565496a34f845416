#include "kuda/runs/run_folder.h"

#include <gtest/gtest.h>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/base/test_support.h"

namespace kuda {
namespace {

RunConfig configured(const std::string& more = "") {
  return RunConfig::parse("model = \"tfn\"\nseed = 7\n" + more, "a test");
}

/// config.toml as a program wrote it that did not know `key`.
void forget(const std::filesystem::path& path, const std::string& key) {
  const auto text = read_file(path);
  const auto begin = text.find(key + " =");
  ASSERT_NE(begin, std::string::npos) << text;
  write_file(path, text.substr(0, begin) + text.substr(text.find('\n', begin) + 1));
}

TEST(OpenRunFolder, RefusesARunWithOtherOptionsAndNamesThem) {
  const auto out = test::scratch("run");
  auto config = configured(), other = configured("[train]\nlr = 0.5\n");
  open_run_folder(out, config);
  open_run_folder(out, config);
  try {
    open_run_folder(out, other);
    FAIL();
  } catch (const ConfigError& error) {
    EXPECT_NE(std::string(error.what()).find("lr"), std::string::npos) << error.what();
  }
  open_run_folder(out, other, /*restart=*/true);
  EXPECT_EQ(read_file(out / "config.toml"), other.to_toml());
}

TEST(OpenRunFolder, ContinuesARunThatIsOlderThanAKey) {
  const auto out = test::scratch("run");
  auto config = configured(), other = configured("products = \"default\"\n");
  open_run_folder(out, config);
  const auto path = out / "config.toml";
  forget(path, "products");
  EXPECT_EQ(options_in(path), config.schema().settings());
  EXPECT_THROW(open_run_folder(out, other), ConfigError);
  open_run_folder(out, config);
  EXPECT_EQ(read_file(path), config.to_toml());
}

TEST(OpenRunFolder, ComparesOptionsItCannotReadAsTheyStand) {
  const auto out = test::scratch("run");
  auto config = configured();
  std::filesystem::create_directories(out);
  const std::string text = "model = \"of_next_year\"\nseed = 7\n";
  write_file(out / "config.toml", text);
  EXPECT_EQ(options_in(out / "config.toml"),
            (std::vector<Setting>{{"model", "\"of_next_year\"", Effect::numbers}, {"seed", "7", Effect::numbers}}));
  EXPECT_THROW(open_run_folder(out, config), ConfigError);
}

TEST(OpenRunFolder, KnowsWhatAKeyDoesByItsSectionEvenInAFileItCannotRead) {
  const auto out = test::scratch("run");
  std::filesystem::create_directories(out);
  const auto written = [&](const std::string& rest) {
    write_file(out / "config.toml", "model = \"of_next_year\"\n[of_next_year]\nsave_every = 2\n[train]\n" + rest);
    return options_in(out / "config.toml");
  };
  const auto options = written("lr = 1\nsave_every = 3\n");
  const std::vector<Setting> expected{{"model", "\"of_next_year\"", Effect::numbers},
                                      {"of_next_year.save_every", "2", Effect::numbers},
                                      {"train.lr", "1", Effect::numbers},
                                      {"train.save_every", "3", Effect::none}};
  EXPECT_EQ(options, expected);
  EXPECT_THROW((void)written("lr = \n"), ConfigError) << "no TOML";
}

TEST(OpenRunFolder, ARunMayBeSavedMoreOftenButNotMove) {
  const auto out = test::scratch("run");
  auto config = configured();
  open_run_folder(out, config);
  auto often = configured("[train]\nsave_every = 5\n[pretrain]\nsave_seconds = 1\n");
  open_run_folder(out, often);
  EXPECT_EQ(read_file(out / "config.toml"), often.to_toml());
  auto elsewhere = configured("threads = 3\n");
  try {
    open_run_folder(out, elsewhere);
    FAIL();
  } catch (const ConfigError& error) {
    const std::string message = error.what();
    EXPECT_NE(message.find("now threads = 3, before threads = 0"), std::string::npos) << message;
    EXPECT_EQ(message.find("save_every"), std::string::npos) << "changes no number: " << message;
  }
}

/// An encoder folder with these bytes.
std::string encoder_folder(const std::string& name, const std::string& bytes) {
  const auto folder = test::scratch(name);
  std::filesystem::create_directories(folder);
  write_file(folder / "config.json", "{}");
  write_file(folder / "model.safetensors", bytes);
  return folder.string();
}
std::string error_of_opening(const std::filesystem::path& out, RunConfig config) {
  return test::error_of<ConfigError>([&] { open_run_folder(out, config); });
}

TEST(OpenRunFolder, AnEncoderIsKnownByItsBytesNotByItsPath) {
  const auto out = test::scratch("run");
  const auto with = [](const std::string& folder) { return configured("encoder = \"" + folder + "\"\n"); };
  auto config = with(encoder_folder("one", "bytes"));
  open_run_folder(out, config);
  write_file(out / "run.json", "{}");  // of an older program
  EXPECT_NE(error_of_opening(out, with(encoder_folder("two", "bytes"))).find("run.json does not say"),
            std::string::npos);
  write_file(out / "run.json", "{\"inputs\": {\"encoder\": \"" + RunInputs(config).digest("encoder") + "\"}}");
  auto moved = with(encoder_folder("two", "bytes"));
  open_run_folder(out, moved);
  EXPECT_EQ(read_file(out / "config.toml"), moved.to_toml());
  const auto error = error_of_opening(out, with(encoder_folder("three", "other")));
  EXPECT_NE(error.find("now encoder = "), std::string::npos) << error;
  EXPECT_NE(error.find("what is there is not the same"), std::string::npos) << error;
  EXPECT_EQ(read_file(out / "config.toml"), moved.to_toml()) << "a refused run leaves the folder as it was";
  write_file(out / "run.json", "{\"inputs\": {\"encoder\": \"\"}}");  // the data bring text features
  auto unread = with(encoder_folder("three", "other"));
  open_run_folder(out, unread);
}

}  // namespace
}  // namespace kuda
