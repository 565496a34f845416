#include "kuda/config/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "kuda/base/error.h"
#include "kuda/base/random.h"

namespace kuda {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

enum class Metric { mae, mse };
constexpr auto value_names(Metric) { return std::array{"mae", "mse"}; }

struct Options {
  Metric metric = Metric::mae;
  std::int64_t save_every = 1;
  std::string model = "kuda";
  double lr = 3e-5;
  std::int64_t epochs = 10;
  bool resume = false;
  std::string loss = "mae", folder;
  std::vector<std::int64_t> layers{3, 6, 9};
  std::vector<double> rates{0.5};
  std::vector<std::string> modalities{"text", "audio"};
  double stage1_lr = 1e-4;

  Schema schema() {
    Fields top, train, pretrain;
    top.add("model", model, "name of the model");
    train.add("lr", lr, "learning rate after warm-up", at_least(0));
    train.add("epochs", epochs, "passes over the training split", between(1, 1000));
    train.add("resume", resume, "continue a run");
    train.add("loss", loss, "loss of the task", one_of({"mae", "mse"}));
    train.add("folder", folder, "where the run is written");
    train.add("layers", layers, "layers with an adapter", at_least(1));
    train.add("rates", rates, "dropout rates");
    train.add("modalities", modalities, "inputs | any of them", one_of({"text", "vision", "audio"}));
    pretrain.add("metric", metric, "what is compared");
    pretrain.add("save_every", save_every, "epochs between saved states", at_least(1), Effect::none);
    pretrain.add("stage1_lr", stage1_lr, "learning rate of stage 1", at_least(0));
    Schema schema;
    schema.add("train", "optimisation", train);
    schema.add("train.pretrain", "stage 1", pretrain);
    schema.add("", "", top);
    return schema;
  }
  void read(const std::string& text, const std::vector<std::string>& sets = {}) {
    ConfigFile file = ConfigFile::parse(text, "run.toml");
    for (const auto& set : sets) file.set(set);
    file.apply(schema());
  }
};

/// Message of the ConfigError that this text and these assignments give.
std::string error_of(const std::string& text, const std::vector<std::string>& sets = {}) {
  try {
    Options().read(text, sets);
  } catch (const ConfigError& error) {
    EXPECT_EQ(error.exit_code(), 3);
    return error.what();
  }
  return "no error";
}

TEST(Config, FileOverDefaultsAndSetOverFile) {
  Options options;
  options.read("model = \"tfn\"\n[train]\nlr = 1e-3\nepochs = 5\nlayers = [1, 2]\n[train.pretrain]\nstage1_lr = 1\n",
               {"train.epochs=7", "train.epochs=8", "train.resume=true"});
  EXPECT_EQ(options.model, "tfn");
  EXPECT_EQ(options.lr, 1e-3);
  EXPECT_EQ(options.epochs, 8);
  EXPECT_TRUE(options.resume);
  EXPECT_EQ(options.loss, "mae");
  EXPECT_THAT(options.layers, ElementsAre(1, 2));
  EXPECT_EQ(options.stage1_lr, 1.0) << "an integer is a fine double";
}

TEST(Config, UnknownKeyNamesFileLineAndNearest) {
  EXPECT_THAT(error_of("[train]\nlr = 1.0\nlrr = 2.0\n"), HasSubstr("run.toml:3: train.lrr: unknown key"));
  EXPECT_THAT(error_of("[train]\nepoch = 2\n"), HasSubstr("did you mean 'epochs'? known: lr, epochs"));
  EXPECT_THAT(error_of("train.lrr = 2"), HasSubstr("run.toml:1: train.lrr: unknown key"));
}

TEST(Config, KeyOfAnotherSectionIsPointedThere) {
  EXPECT_THAT(error_of("[train]\nstage1_lr = 1\n"), HasSubstr("did you mean 'train.pretrain.stage1_lr'?"));
  EXPECT_THAT(error_of("epochs = 1\n"), HasSubstr("did you mean 'train.epochs'?"));
  EXPECT_THAT(error_of("[train]\nmodel = \"kuda\"\n"), HasSubstr("did you mean 'model'?"));
}

TEST(Config, UnknownSectionNamesTheNearest) {
  const auto message = error_of("model = \"tfn\"\n\n[trian]\nlr = 1\n");
  EXPECT_THAT(message, HasSubstr("run.toml:3: trian: unknown section"));
  EXPECT_THAT(message, HasSubstr("did you mean 'train'?"));
}

TEST(Config, WrongTypesSayWhatWasExpectedAndFound) {
  EXPECT_THAT(error_of("[train]\nepochs = 1.5\n"),
              HasSubstr("run.toml:2: train.epochs: expected an integer, found the number 1.5"));
  EXPECT_THAT(error_of("[train]\nlr = \"fast\"\n"), HasSubstr("expected a number, found the text \"fast\""));
  EXPECT_THAT(error_of("[train]\nresume = 1\n"), HasSubstr("expected true or false, found the integer 1"));
  EXPECT_THAT(error_of("[train]\nfolder = true\n"), HasSubstr("expected text, found true"));
  EXPECT_THAT(error_of("[train]\nfolder = 2020-01-01\n"), HasSubstr("expected text, found a date"));
  EXPECT_THAT(error_of("[train]\nlayers = 3\n"), HasSubstr("expected a list of integers, found the integer 3"));
  EXPECT_THAT(error_of("[train]\nlayers = [3, 2.5]\n"), HasSubstr("found the number 2.5 as item 2"));
  EXPECT_THAT(error_of("[train]\nlr = [1.0]\n"), HasSubstr("expected a number, found a list"));
  EXPECT_THAT(error_of("[train.lr]\nx = 1\n"), HasSubstr("train.lr: expected a number, found a table"));
  EXPECT_THAT(error_of("train = 3\n"), HasSubstr("run.toml:1: train: expected the table [train], found the integer 3"));
  EXPECT_THAT(error_of("[[train]]\nlr = 1\n"), HasSubstr("expected the table [train], found a list"));
}

TEST(Config, ValuesOutOfRange) {
  EXPECT_THAT(error_of("[train]\nlr = -1\n"), HasSubstr("run.toml:2: train.lr: expected at least 0, found -1.0"));
  EXPECT_THAT(error_of("[train]\nlr = nan\n"), HasSubstr("expected at least 0, found nan"));
  EXPECT_THAT(error_of("[train]\nepochs = 1001\n"), HasSubstr("expected 1 to 1000, found 1001"));
  EXPECT_THAT(error_of("[train]\nloss = \"l1\"\n"), HasSubstr("expected one of mae, mse, found \"l1\""));
  EXPECT_THAT(error_of("[train]\nlayers = [3, 0]\n"), HasSubstr("expected at least 1, found [3, 0]"));
  EXPECT_THAT(error_of("[train]\nmodalities = [\"video\"]\n"), HasSubstr("expected one of text, vision, audio"));
}

TEST(Config, ARefusedValueIsNotStored) {
  Options options;
  EXPECT_THROW(options.read("[train]\nlr = -1\n"), ConfigError);
  EXPECT_EQ(options.lr, 3e-5);
}

TEST(Config, InvalidTomlNamesTheLine) {
  EXPECT_THAT(error_of("[train]\nlr = \n"), HasSubstr("run.toml:2: not valid TOML"));
  EXPECT_THAT(error_of("[train]\nlr = 1\nlr = 2\n"), HasSubstr("run.toml:3: not valid TOML"));
  EXPECT_THAT(error_of("\xff\xfe"), HasSubstr("not valid TOML"));
}

TEST(Config, MissingFileIsAConfigError) { EXPECT_THROW(ConfigFile::load("/nonexistent/run.toml"), ConfigError); }

TEST(Config, SetErrorsQuoteTheAssignment) {
  EXPECT_THAT(error_of("", {"train.lrr=1"}), HasSubstr("--set train.lrr=1: unknown key"));
  EXPECT_THAT(error_of("", {"train.lrr=1"}), HasSubstr("did you mean 'lr'?"));
  EXPECT_THAT(error_of("", {"trian.lr=1"}), HasSubstr("did you mean 'train.lr'?"));
  EXPECT_THAT(error_of("", {"trian.x=1"}), HasSubstr("did you mean 'train'?"));
  EXPECT_THAT(error_of("", {"train=1"}), HasSubstr("--set train=1: unknown key"));
  EXPECT_THAT(error_of("", {"train.epochs=many"}), HasSubstr("expected an integer, found the text \"many\""));
  EXPECT_THAT(error_of("", {"train.lr"}), HasSubstr("--set train.lr: expected KEY=VALUE"));
  EXPECT_THAT(error_of("", {"=3"}), HasSubstr("expected KEY=VALUE"));
  EXPECT_THAT(error_of("", {"train.epochs=1\nlr=2"}), HasSubstr("expected an integer"));
}

TEST(Config, SetTakesBareWordsAndLists) {
  Options options;
  options.read("", {"train.folder=/data/run 1", "model = \"tfn\"", "train.layers=2,4",
                    "train.modalities=[text, vision]", "train.rates=1", "train.lr=1e-4"});
  EXPECT_EQ(options.folder, "/data/run 1");
  EXPECT_EQ(options.model, "tfn");
  EXPECT_THAT(options.layers, ElementsAre(2, 4));
  EXPECT_THAT(options.modalities, ElementsAre("text", "vision"));
  EXPECT_THAT(options.rates, ElementsAre(1.0));
  EXPECT_EQ(options.lr, 1e-4);
  options.read("", {"train.folder=1111", "train.layers=[]", "train.rates="});
  EXPECT_EQ(options.folder, "1111") << "text that looks like a number";
  EXPECT_TRUE(options.layers.empty());
  EXPECT_TRUE(options.rates.empty());
  options.read("", {"train.folder="});
  EXPECT_EQ(options.folder, "");
}

TEST(Config, SetNamesItsOrigin) {
  ConfigFile file;
  file.set("train.k=1", "profile paper");
  Options options;
  try {
    file.apply(options.schema());
    FAIL();
  } catch (const ConfigError& error) {
    EXPECT_THAT(error.what(), HasSubstr("profile paper train.k=1: unknown key"));
  }
}

TEST(Config, PeekReadsBeforeTheSchemaIsKnown) {
  ConfigFile file = ConfigFile::parse("model = \"tfn\"\n[train]\nloss = \"mse\"\nlr = 1\n", "run.toml");
  EXPECT_EQ(file.peek_text("model"), "tfn");
  EXPECT_EQ(file.peek_text("train.loss"), "mse");
  EXPECT_EQ(file.peek_text("train.folder"), "");
  EXPECT_EQ(file.peek_text("model.x.y"), "");
  EXPECT_THROW((void)file.peek_text("train.lr"), ConfigError);
  EXPECT_TRUE(file.has("train.lr"));
  EXPECT_FALSE(file.has("train.epochs"));
  file.set("model=kuda");
  file.set("train.epochs=2");
  EXPECT_EQ(file.peek_text("model"), "kuda");
  EXPECT_TRUE(file.has("train.epochs"));
  EXPECT_EQ(ConfigFile().peek_text("model"), "");
}

TEST(Schema, TomlLoadsBackToTheSameValues) {
  Options written;
  written.model = "quote \" backslash \\ tab \t line \n nul-like \x01 \x7f 情感 😀";
  written.lr = 0.1 + 0.2;
  written.stage1_lr = 5e-324;
  written.epochs = 1000;
  written.resume = true;
  written.loss = "mse";
  written.folder = "C:\\runs\r\n";
  written.layers = {std::numeric_limits<std::int64_t>::max(), 1};
  written.rates = {-0.0,
                   1e300,
                   1.0 / 3,
                   1e15,
                   1e16,
                   123456789.0,
                   std::numeric_limits<double>::infinity(),
                   -std::numeric_limits<double>::infinity()};
  written.modalities = {};
  for (const bool with_help : {false, true}) {
    Options loaded;
    loaded.read(written.schema().to_toml(with_help));
    EXPECT_EQ(loaded.model, written.model);
    EXPECT_EQ(loaded.lr, written.lr);
    EXPECT_EQ(loaded.stage1_lr, written.stage1_lr);
    EXPECT_EQ(loaded.epochs, written.epochs);
    EXPECT_EQ(loaded.resume, written.resume);
    EXPECT_EQ(loaded.folder, written.folder);
    EXPECT_EQ(loaded.layers, written.layers);
    EXPECT_EQ(loaded.rates, written.rates);
    EXPECT_TRUE(std::signbit(loaded.rates[0]));
    EXPECT_EQ(loaded.modalities, written.modalities);
    EXPECT_EQ(loaded.schema().to_toml(), written.schema().to_toml());
  }
}

TEST(Schema, RandomDoublesRoundTrip) {
  Options written, loaded;
  Random random(7);
  written.rates.clear();
  for (int i = 0; i < 1000; ++i) written.rates.push_back(random.normal() * std::pow(10.0, random.uniform(-30, 30)));
  loaded.read(written.schema().to_toml());
  EXPECT_EQ(loaded.rates, written.rates);
}

TEST(Schema, NotANumberRoundTrips) {
  Options written, loaded;
  written.rates = {std::numeric_limits<double>::quiet_NaN()};
  loaded.read(written.schema().to_toml());
  ASSERT_EQ(loaded.rates.size(), 1U);
  EXPECT_TRUE(std::isnan(loaded.rates[0]));
}

TEST(Schema, TextThatTomlCannotHoldIsAnError) {
  Options options;
  options.folder = "\xe9t\xe9";
  EXPECT_THROW((void)options.schema().to_toml(), ConfigError);
}

TEST(Schema, PrintsDefaultsReadably) {
  EXPECT_EQ(Options().schema().to_toml(),
            "model = \"kuda\"\n\n[train]\nlr = 3e-05\nepochs = 10\nresume = false\nloss = \"mae\"\nfolder = \"\"\n"
            "layers = [3, 6, 9]\nrates = [0.5]\nmodalities = [\"text\", \"audio\"]\n\n[train.pretrain]\n"
            "metric = \"mae\"\nsave_every = 1\nstage1_lr = 0.0001\n");
}

TEST(Schema, MarkdownHasTypeDefaultAndMeaning) {
  const auto page = Options().schema().to_markdown();
  EXPECT_THAT(page, HasSubstr("## [train]\n\noptimisation\n\n| key | type | default | meaning |\n"));
  EXPECT_THAT(page, HasSubstr("| `lr` | a number, at least 0 | `3e-05` | learning rate after warm-up |\n"));
  EXPECT_THAT(page, HasSubstr("| `loss` | one of mae, mse | `\"mae\"` | loss of the task |\n"));
  EXPECT_THAT(page, HasSubstr("| `layers` | a list of integers, each at least 1 | `[3, 6, 9]` |"));
  EXPECT_THAT(page, HasSubstr("inputs \\| any of them"));
  EXPECT_THAT(page, HasSubstr("| `resume` | true or false | `false` |"));
}

TEST(Schema, ASectionMayBeAddedInPartsButNoFieldTwice) {
  double a = 1, b = 2;
  Fields first, second;
  first.add("a", a, "");
  second.add("b", b, "");
  Schema schema;
  schema.add("x", "", first);
  schema.add("x", "", second);
  EXPECT_EQ(schema.to_toml(), "[x]\na = 1.0\nb = 2.0\n");
  EXPECT_THROW(schema.add("x", "", first), std::logic_error);
}

TEST(Fields, ANamedValueIsTextOutsideAndAnEnumInside) {
  Options options;
  options.read("[train.pretrain]\nmetric = \"mse\"\n");
  EXPECT_EQ(options.metric, Metric::mse);
  options.read("", {"train.pretrain.metric=mae"});
  EXPECT_EQ(options.metric, Metric::mae);
  options.read(options.schema().to_toml(), {"train.pretrain.metric = \"mse\""});
  EXPECT_THAT(options.schema().to_toml(), HasSubstr("metric = \"mse\"\n"));
  EXPECT_THAT(options.schema().to_markdown(),
              HasSubstr("| `metric` | one of mae, mse | `\"mse\"` | what is compared |"));
  EXPECT_THAT(error_of("[train.pretrain]\nmetric = \"msee\"\n"),
              HasSubstr("run.toml:2: train.pretrain.metric: expected one of mae, mse, found \"msee\""));
  EXPECT_THAT(error_of("[train.pretrain]\nmetric = 1\n"), HasSubstr("expected text, found the integer 1"));
  EXPECT_THROW(options.read("[train.pretrain]\nmetric = \"l1\"\n"), ConfigError);
  EXPECT_EQ(options.metric, Metric::mse) << "a refused value is not stored";
  EXPECT_STREQ(name_of(Metric::mse), "mse");
  EXPECT_EQ(value_of<Metric>("mae"), Metric::mae);
  try {
    (void)value_of<Metric>("mes", "metric");
    FAIL();
  } catch (const ConfigError& error) {
    EXPECT_THAT(error.what(), HasSubstr("unknown metric 'mes'"));
  }
}

TEST(Schema, SettingsAreKeysWithSectionValueAndEffect) {
  Options options;
  const auto settings = options.schema().settings();
  EXPECT_THAT(settings, testing::Contains(Setting{"model", "\"kuda\"", Effect::numbers}));
  EXPECT_THAT(settings, testing::Contains(Setting{"train.layers", "[3, 6, 9]", Effect::numbers}));
  EXPECT_THAT(settings, testing::Contains(Setting{"train.pretrain.save_every", "1", Effect::none}));
  // The file itself gives the same keys and values, without the effects, which only a schema knows.
  auto in_file = ConfigFile::parse(options.schema().to_toml(), "run.toml").settings();
  ASSERT_EQ(in_file.size(), settings.size());
  for (const auto& setting : settings)
    EXPECT_THAT(in_file, testing::Contains(Setting{setting.key, setting.value, Effect::numbers})) << setting.key;
}

TEST(Schema, TheDigestChangesWithWhatChangesNumbersOnly) {
  Options options;
  const auto digest = [&] { return options.schema().digest(); };
  const auto before = digest();
  EXPECT_EQ(before.size(), 64U);
  options.save_every = 7;
  EXPECT_EQ(digest(), before);
  options.metric = Metric::mse;
  const auto after = digest();
  EXPECT_NE(after, before);
  options.stage1_lr = 1;
  EXPECT_NE(digest(), after);
}

TEST(Fields, AllowedValuesComeFromTheCheck) {
  std::string word;
  std::int64_t count = 0;
  EXPECT_EQ(allowed_values({"word", &word, "", one_of({"", "a"})}), "one of \"\", a");
  EXPECT_EQ(allowed_values({"count", &count, "", between(0, 0.5)}), "0 to 0.5");
  EXPECT_EQ(allowed_values({"count", &count, "", {}}), "");
}

}  // namespace
}  // namespace kuda
