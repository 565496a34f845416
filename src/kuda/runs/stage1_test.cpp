// Stage 1: tasks before the main one, what the main model takes of them, and what is refused.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/checkpoint/checkpoint.h"
#include "kuda/runs/procedure.h"
#include "kuda/runs/run_folder.h"
#include "kuda/runs/test_small_run.h"

namespace kuda {
namespace {

namespace fs = std::filesystem;
using namespace test;
using test::error_of;
using test::scratch_folder;
using testing::AllOf;
using testing::HasSubstr;

/// Clips, encoder and one finished run, made once for all tests of this file.
class StageOne : public testing::Test {
 protected:
  static void SetUpTestSuite() { folder = finished_run("stage1"); }
  static fs::path folder;
};
fs::path StageOne::folder;

TEST_F(StageOne, PretrainingApartGivesTheSameModel) {
  NoProgress silent;
  const std::atomic<bool> stop{false};
  auto config = small_config(folder);
  const auto apart = scratch_folder("stage1"), out = scratch_folder("main");
  EXPECT_THAT(run_pretrain(config, apart, silent, stop), testing::ElementsAre("text", "vision", "audio"));
  config.pretrained = apart.string();
  run(std::move(config), out);
  for (const char* file : {"model/model.safetensors", "predictions.csv"})
    EXPECT_TRUE(read_file(out / file) == read_file(folder / "stage1" / file)) << file;
  auto other = small_config(folder);
  other.pretrained = (folder / "stage1").string();
  const auto reused = scratch_folder("reused");
  run(std::move(other), reused);
  EXPECT_TRUE(read_file(reused / "predictions.csv") == read_file(folder / "stage1" / "predictions.csv"))
      << "the run folder that holds a pretraining may be named as well";
  other = small_config(folder);
  other.pretrained = (folder / "encoder").string();
  EXPECT_THAT(error_of<CheckpointError>([&] { run(std::move(other), scratch_folder("none")); }),
              HasSubstr("no pretrained model of the task text"));
}

TEST_F(StageOne, TasksDoneOneByOneInAnyOrderAndBesideEachOtherGiveTheSameBytes) {
  NoProgress silent;
  const std::atomic<bool> stop{false};
  auto config = small_config(folder);
  const auto out = scratch_folder("stage1");
  const auto only = [&](const std::string& task) {
    return run_pretrain(config, out, silent, stop, false, ProcessGroup::alone(), task);
  };
  fs::create_directories(out / "text");
  const FolderLock other_process(out / "text");  // it is at work there
  EXPECT_THAT(only("audio"), testing::ElementsAre("audio"));
  EXPECT_THAT(only("vision"), testing::ElementsAre("vision"));
  EXPECT_FALSE(fs::exists(out / "text/config.toml"));
  for (const std::string task : {"audio", "vision"})
    for (const std::string file : {"model/model.safetensors", "predictions.csv"})
      EXPECT_TRUE(read_file(out / task / file) == read_file(folder / "stage1/pretrain" / task / file)) << task << file;
  EXPECT_THAT(error_of<Error>([&] { (void)only("text"); }), HasSubstr("text"))
      << "it would write over the other's work";
  EXPECT_THAT(error_of<UsageError>([&] { (void)only("vison"); }), HasSubstr("'vison'"));
  EXPECT_FALSE(fs::exists(out / "vison"));
}

TEST_F(StageOne, DamagedWeightsOfStageOneSayWhatToDo) {
  const auto out = scratch_folder("run");
  fs::copy(folder / "stage1", out, fs::copy_options::recursive);
  fs::remove(out / "metrics.json");
  const auto weights = out / "pretrain/text/model/model.safetensors";
  write_file(weights, read_file(weights).substr(0, 1000));
  EXPECT_THAT(error_of<CheckpointError>([&] { run(small_config(folder), out); }),
              testing::AllOf(HasSubstr(weights.string()), HasSubstr("delete " + (out / "pretrain/text").string())));
  fs::remove_all(out / "pretrain/text");
  run(small_config(folder), out);
  expect_same(out, folder / "stage1", "trained again");
}

TEST_F(StageOne, WithoutUnimodalLabelsItSaysWhatToDo) {
  auto data = open_dataset(folder / "clips");
  for (auto& clip : data.clips) clip.unimodal_labels = {kUnknown, kUnknown, kUnknown};
  const auto other = scratch_folder("other");
  write_prepared(other / "clips", data);
  auto config = small_config(folder);
  config.data = (other / "clips").string();
  EXPECT_THAT(error_of<DataError>([&] { run(std::move(config), other / "run"); }),
              testing::AllOf(HasSubstr("label_T"), HasSubstr("pretrain.labels = \"multimodal\"")));
  config = small_config(folder, {"pretrain.labels=multimodal"});
  config.data = (other / "clips").string();
  run(std::move(config), other / "with");
  EXPECT_TRUE(is_finished(other / "with"));
}

TEST_F(StageOne, KnowledgeFromAnotherDataSet) {
  SynthOptions options;
  options.train = 8;
  options.valid = 4;
  options.test = 4;
  options.vision_width = 9;  // another extractor
  options.seed = 5;
  const auto other = scratch_folder("other");
  write_prepared(other / "clips", make_synthetic(options));
  auto config = small_config(folder);
  config.pretrain_data = (other / "clips").string();
  run(std::move(config), other / "run");
  EXPECT_EQ(read_predictions(other / "run/pretrain/vision/predictions.csv").size(), 16U) << "clips of the other set";
  const auto report = read_report(other / "run" / "metrics.json");
  ASSERT_EQ(report.splits[2][1].key, "text_only") << "the text decoder stands in: stage 1 saw other clips";
  const auto stage1 = load_checkpoint(other / "run/pretrain/vision");
  EXPECT_EQ(stage1.facts.shape.width.vision, 5) << "saved for the target's features";
}

TEST_F(StageOne, StageOneOnDataOfAnotherRecipeIsRefusedUnlessAllowed) {
  const auto other = scratch_folder("other");
  const auto data = open_dataset(folder / "clips");
  const auto put = [&](const std::string& name, const std::string& recipe) {
    write_prepared(other / name, data);
    write_file(other / name / "recipe.toml", recipe);
  };
  const std::string ten = "[vision]\nframes_per_second = 10.0\n", more = "[vision]\nframes_per_second = 25.0\n";
  put("ten", ten);
  put("more", more);
  const auto stage1_on = [&](const std::string& source, const std::string& out, const std::vector<std::string>& sets) {
    auto config = small_config(folder, sets);
    config.data = (other / "ten").string();
    config.pretrain_data = (other / source).string();
    run(std::move(config), other / out);
  };
  EXPECT_THAT(error_of<ConfigError>([&] { stage1_on("more", "refused", {}); }),
              HasSubstr("were made from video by two recipes: vision.frames_per_second is 25.0 here and 10.0 there"));
  stage1_on("more", "allowed", {"pretrain.any_recipe=true"});
  EXPECT_TRUE(fs::exists(other / "allowed/metrics.json"));
  const auto with_stage1_of_it = [&](const std::vector<std::string>& sets) {
    auto config = small_config(folder, sets);
    config.data = (other / "ten").string();
    config.pretrained = (other / "allowed").string();
    run(std::move(config), other / "second");
  };
  EXPECT_THAT(error_of<ConfigError>([&] { with_stage1_of_it({}); }),
              AllOf(HasSubstr("pretrained: the features of"), HasSubstr("25.0 here and 10.0 there")));
  with_stage1_of_it({"pretrain.any_recipe=true"});
  EXPECT_TRUE(fs::exists(other / "second/metrics.json"));
}

}  // namespace
}  // namespace kuda
