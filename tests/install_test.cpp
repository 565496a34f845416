// `cmake --install` gives a package with which a project outside this tree is configured, built and run.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "kuda/base/test_support.h"
#include "kuda/checkpoint/small_encoder.h"
#include "kuda/data/dataset.h"
#include "kuda/io/safetensors.h"
#include "kuda/tensor/tensor.h"
#include "tests/program.h"

namespace kuda::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

std::string quoted(const std::string& text) { return "'" + text + "'"; }

/// A trained model, and the frames of one clip as a file.
struct Inputs {
  explicit Inputs(const TemporaryFolder& folder) {
    write_small_encoder(folder / "bert", 2, 16);
    run_kuda({"data", "synth", "clips", "--train", "12", "--valid", "6", "--test", "6"}, folder.path());
    trained = run_kuda({"train", "-d", "clips", "-m", "tfn", "--encoder", "bert", "--out", "run", "--set",
                        "train.epochs=1", "--set", "train.batch_size=4"},
                       folder.path());
    if (trained.exit_code != 0) return;
    const auto dataset = open_dataset(folder / "clips");
    std::map<std::string, io::Array> arrays;
    arrays["vision"] = io::to_array(dataset.vision->clip(0).slice(0, 0, dataset.vision->lengths[0]));
    arrays["audio"] = io::to_array(dataset.audio->clip(0).slice(0, 0, dataset.audio->lengths[0]));
    io::write_safetensors(folder / "frames.safetensors", arrays);
    id = dataset.clips[0].id();
    text = dataset.clips[0].text;
  }
  Outcome trained;
  std::string id, text;
};

TEST(Install, AnOutsideProjectFindsThePackageAndGetsTheScoreOfPredict) {
  const TemporaryFolder folder;
  const Inputs inputs(folder);
  ASSERT_EQ(inputs.trained.exit_code, 0) << inputs.trained.err;
  const auto shell = [&](const std::string& command) { return run_shell(command, folder.path()); };
  const std::string cmake = quoted(KUDA_CMAKE);

  const Outcome installed =
      shell(cmake + " --install " + quoted(KUDA_BINARY_DIR) + " --prefix \"$PWD/prefix\" --component library");
  ASSERT_EQ(installed.exit_code, 0) << installed.out << installed.err;
  EXPECT_TRUE(fs::exists(folder / "prefix/include/kuda/predictor/predictor.h"));
  EXPECT_FALSE(fs::exists(folder / "prefix/include/kuda/base/test_support.h")) << "headers of tests stay at home";

  const Outcome configured =
      shell(cmake + " -S " + quoted(KUDA_SOURCE_DIR "/tests/install") + " -B build -G " + quoted(KUDA_GENERATOR) +
            " -DCMAKE_CXX_COMPILER=" + quoted(KUDA_COMPILER) + " -DCMAKE_PREFIX_PATH=\"$PWD/prefix\"");
  ASSERT_EQ(configured.exit_code, 0) << configured.out << configured.err;
  const Outcome built = shell(cmake + " --build build");
  ASSERT_EQ(built.exit_code, 0) << built.out << built.err;

  const Outcome run = shell("build/outside run " + quoted(inputs.text) + " frames.safetensors");
  ASSERT_EQ(run.exit_code, 0) << run.out << run.err;
  const Outcome predicted = run_kuda({"predict", "run", "-d", "clips", "--clip", inputs.id, "--json"}, folder.path());
  ASSERT_EQ(predicted.exit_code, 0) << predicted.err;
  EXPECT_NEAR(std::stod(run.out), nlohmann::json::parse(predicted.out)[0]["prediction"].get<double>(), 1e-6);

  const Outcome missing = shell("build/outside nowhere text");
  EXPECT_EQ(missing.exit_code, 1);
  EXPECT_THAT(missing.err, HasSubstr("nowhere: not a checkpoint folder"));
}

}  // namespace
}  // namespace kuda::test
