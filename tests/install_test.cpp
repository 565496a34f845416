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
  explicit Inputs(const TemporaryFolder& folder, const std::string& modalities = "T,V,A") {
    write_small_encoder(folder / "bert", 2, 16);
    run_kuda({"data", "synth", "clips", "--train", "12", "--valid", "6", "--test", "6"}, folder.path());
    trained = run_kuda({"train", "-d", "clips", "-m", "tfn", "--modalities", modalities, "--encoder", "bert", "--out",
                        "run", "--set", "train.epochs=1", "--set", "train.batch_size=4"},
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

/// Of the component video, where kuda was built with FFmpeg's libraries.
constexpr const char* kVideoHeaders[] = {"kuda/extract/clip_report.h", "kuda/predictor/video_predictor.h",
                                         "kuda/video.h"};

/// The package, in prefix/ of a folder.
void install_into(const TemporaryFolder& folder) {
  const Outcome installed = run_shell(
      quoted(KUDA_CMAKE) + " --install " + quoted(KUDA_BINARY_DIR) + " --prefix \"$PWD/prefix\" --component library",
      folder.path());
  ASSERT_EQ(installed.exit_code, 0) << installed.out << installed.err;
}

/// Configures a project into build/ with the package in `prefix`.
Outcome configure(const std::string& source, const TemporaryFolder& folder, const std::string& prefix = "prefix") {
  return run_shell(quoted(KUDA_CMAKE) + " -S " + quoted(source) + " -B build -G " + quoted(KUDA_GENERATOR) +
                       " -DCMAKE_CXX_COMPILER=" + quoted(KUDA_COMPILER) + " -DCMAKE_PREFIX_PATH=\"$PWD/" + prefix +
                       "\"",
                   folder.path());
}

/// Messages of CMake are broken into lines.
std::string in_one_line(const std::string& text) { return std::regex_replace(text, std::regex("\\s+"), " "); }

TEST(Install, AnOutsideProjectFindsThePackageAndGetsTheScoreOfPredict) {
  const TemporaryFolder folder;
  const Inputs inputs(folder);
  ASSERT_EQ(inputs.trained.exit_code, 0) << inputs.trained.err;
  const auto shell = [&](const std::string& command) { return run_shell(command, folder.path()); };
  install_into(folder);
  auto headers = files_under(folder / "prefix/include");
  for (const char* name : kVideoHeaders) headers.erase(name);
  EXPECT_THAT(headers,
              ElementsAre("kuda/base/error.h", "kuda/checkpoint/conformal.h", "kuda/data/cut.h", "kuda/data/modality.h",
                          "kuda/explain/evidence.h", "kuda/predictor.h", "kuda/predictor/clip.h",
                          "kuda/predictor/clip_files.h", "kuda/predictor/predictor.h"));
  // No include path but the installed one: LibTorch and JSON are not needed to compile against the API.
  const Outcome alone = shell("printf '#include <kuda/predictor.h>\n' >alone.cpp && " + quoted(KUDA_COMPILER) +
                              " -std=c++20 -fsyntax-only -I prefix/include alone.cpp");
  EXPECT_EQ(alone.exit_code, 0) << alone.err;

  const Outcome configured = configure(KUDA_SOURCE_DIR "/examples/score", folder);
  ASSERT_EQ(configured.exit_code, 0) << configured.out << configured.err;
  const Outcome built = shell(quoted(KUDA_CMAKE) + " --build build");
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

TEST(Install, WithoutFfmpegThePackageSaysWhyItHasNoVideos) {
  const TemporaryFolder folder;
  install_into(folder);
  const Outcome without = run_shell(
      "cp -al prefix without && find without -name kudaConfig.cmake -exec sed -i '"
      "s/set(KUDA_HAS_VIDEO \"ON\")/set(KUDA_HAS_VIDEO \"OFF\")/' {} +",
      folder.path());
  ASSERT_EQ(without.exit_code, 0) << without.err;
  const Outcome refused = configure(KUDA_SOURCE_DIR "/examples/score_video", folder, "without");
  EXPECT_NE(refused.exit_code, 0);
  EXPECT_THAT(in_one_line(refused.err),
              HasSubstr("this kuda was built without FFmpeg's libraries and has no component video: install "));
  const Outcome written = run_shell(
      "mkdir other && printf 'cmake_minimum_required(VERSION 3.25)\nproject(other CXX)\n"
      "find_package(kuda REQUIRED COMPONENTS pictures)\n' >other/CMakeLists.txt && rm -rf build",
      folder.path());
  ASSERT_EQ(written.exit_code, 0) << written.err;
  const Outcome unknown = configure((folder / "other").string(), folder);
  EXPECT_NE(unknown.exit_code, 0);
  EXPECT_THAT(in_one_line(unknown.err), HasSubstr("kuda has no component pictures; video is the only one"));
}

TEST(Install, AnOutsideProjectGetsTheScoreOfAVideoThatPredictGives) {
  const TemporaryFolder folder;
  install_into(folder);
  const auto headers = files_under(folder / "prefix/include");
  if (!headers.contains("kuda/video.h")) GTEST_SKIP() << "kuda was built without FFmpeg";
  for (const char* name : kVideoHeaders) EXPECT_TRUE(headers.contains(name)) << name;
  const auto shell = [&](const std::string& command) { return run_shell(command, folder.path()); };
  const Outcome alone = shell("printf '#include <kuda/video.h>\n' >alone.cpp && " + quoted(KUDA_COMPILER) +
                              " -std=c++20 -fsyntax-only -I prefix/include alone.cpp");
  EXPECT_EQ(alone.exit_code, 0) << alone.err;
  const Outcome configured = configure(KUDA_SOURCE_DIR "/examples/score_video", folder);
  ASSERT_EQ(configured.exit_code, 0) << configured.out << configured.err;
  const Outcome built = shell(quoted(KUDA_CMAKE) + " --build build");
  ASSERT_EQ(built.exit_code, 0) << built.out << built.err;
  EXPECT_THAT(foreign_symbols(folder / "build/score_video"), IsEmpty());

  const Inputs inputs(folder, "T");
  ASSERT_EQ(inputs.trained.exit_code, 0) << inputs.trained.err;
  const Outcome missing = shell("build/score_video run clip.mp4 nowhere");
  EXPECT_EQ(missing.exit_code, 1);
  EXPECT_THAT(missing.err, HasSubstr("nowhere/whisper-tiny.en: no such weights"));

  const fs::path weights = KUDA_SOURCE_DIR "/extractors/default";
  const auto clip = shared_file("data/grid/bbaf2n.mpg");
  if (!fs::exists(weights) || !fs::exists(clip)) GTEST_SKIP() << "no weights, or no clips of GRID";
  const Outcome run = shell("build/score_video run " + quoted(clip) + " " + quoted(weights));
  ASSERT_EQ(run.exit_code, 0) << run.out << run.err;
  const Outcome predicted =
      run_kuda({"predict", "run", "--video", clip.string(), "--extractor", weights.string(), "--json"}, folder.path());
  ASSERT_EQ(predicted.exit_code, 0) << predicted.err;
  const auto video = nlohmann::json::parse(predicted.out)[0];
  EXPECT_NEAR(std::stod(run.out), video["score"].get<double>(), 1e-6);
  EXPECT_THAT(run.out, HasSubstr("vision: not read\n"));
  EXPECT_THAT(run.out, HasSubstr(video["video"]["transcript"].get<std::string>()));
}

}  // namespace
}  // namespace kuda::test
