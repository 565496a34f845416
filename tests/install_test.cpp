// `cmake --install` gives a package with which a project outside this tree is configured, built and run.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>
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
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::IsSupersetOf;

std::string quoted(const std::string& text) { return "'" + text + "'"; }

/// What no program that only scores clips should carry: parts of the trainer, of the process group, of the synthetic
/// clips.
std::set<std::string> foreign_symbols(const std::string& program) {
  const auto symbols = run_shell("nm -C " + quoted(program), fs::temp_directory_path());
  EXPECT_EQ(symbols.exit_code, 0) << symbols.err;
  const std::regex foreign(R"(\b(kuda::train_step|kuda::Optimizer::|kuda::make_synthetic|kuda::SynthRule::|c10d::))");
  std::set<std::string> found;
  for (std::sregex_iterator it(symbols.out.begin(), symbols.out.end(), foreign), end; it != end; ++it)
    found.insert((*it)[1]);
  return found;
}

/// Every file under a folder, by its path below it, in order.
std::set<std::string> files_under(const fs::path& folder) {
  std::set<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_regular_file()) names.insert(fs::relative(entry.path(), folder).generic_string());
  return names;
}

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
  EXPECT_THAT(files_under(folder / "prefix/include"),
              ElementsAre("kuda/base/error.h", "kuda/checkpoint/conformal.h", "kuda/data/cut.h", "kuda/data/modality.h",
                          "kuda/explain/evidence.h", "kuda/predictor.h", "kuda/predictor/clip.h",
                          "kuda/predictor/clip_files.h", "kuda/predictor/predictor.h"));
  // No include path but the installed one: LibTorch and JSON are not needed to compile against the API.
  const Outcome alone = shell("printf '#include <kuda/predictor.h>\n' >alone.cpp && " + quoted(KUDA_COMPILER) +
                              " -std=c++20 -fsyntax-only -I prefix/include alone.cpp");
  EXPECT_EQ(alone.exit_code, 0) << alone.err;

  const Outcome configured =
      shell(cmake + " -S " + quoted(KUDA_SOURCE_DIR "/examples/score") + " -B build -G " + quoted(KUDA_GENERATOR) +
            " -DCMAKE_CXX_COMPILER=" + quoted(KUDA_COMPILER) + " -DCMAKE_PREFIX_PATH=\"$PWD/prefix\"");
  ASSERT_EQ(configured.exit_code, 0) << configured.out << configured.err;
  const Outcome built = shell(cmake + " --build build");
  ASSERT_EQ(built.exit_code, 0) << built.out << built.err;

  EXPECT_THAT(foreign_symbols(folder / "build/score"), IsEmpty());
  EXPECT_THAT(foreign_symbols(KUDA_BINARY_DIR "/src/kuda/apps/kuda"),
              IsSupersetOf({"kuda::train_step", "kuda::Optimizer::", "kuda::make_synthetic", "kuda::SynthRule::"}))
      << "the pattern no longer matches";

  const Outcome run = shell("build/score run " + quoted(inputs.text) + " frames.safetensors");
  ASSERT_EQ(run.exit_code, 0) << run.out << run.err;
  const Outcome predicted = run_kuda({"predict", "run", "-d", "clips", "--clip", inputs.id, "--json"}, folder.path());
  ASSERT_EQ(predicted.exit_code, 0) << predicted.err;
  EXPECT_NEAR(std::stod(run.out), nlohmann::json::parse(predicted.out)[0]["prediction"].get<double>(), 1e-6);

  const auto without = run.out.find("without vision ");
  ASSERT_NE(without, std::string::npos) << run.out;
  EXPECT_NE(std::stod(run.out), std::stod(run.out.substr(without + 15)));

  const Outcome missing = shell("build/score nowhere text");
  EXPECT_EQ(missing.exit_code, 1);
  EXPECT_THAT(missing.err, HasSubstr("nowhere: not a checkpoint folder"));
}

}  // namespace
}  // namespace kuda::test
