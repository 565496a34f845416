#include "kuda/runs/held_out.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/base/log.h"
#include "kuda/base/test_support.h"
#include "kuda/io/csv.h"
#include "kuda/runs/test_small_run.h"

namespace kuda::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

Dataset six_clips() {
  Dataset dataset;
  dataset.source = "six";
  dataset.fingerprint = "0123456789abcdef0123";
  for (const char* video : {"a", "b", "a", "c", "b", "d"}) {
    Clip clip;
    clip.video_id = video;
    clip.clip_id = std::to_string(dataset.clips.size());
    dataset.clips.push_back(clip);
  }
  return dataset;
}

TEST(HeldOut, PartsAreWholeVideos) {
  const auto dataset = six_clips();
  EXPECT_EQ(folds_of(dataset, {0, 1, 2, 3, 4, 5}, 2), (std::vector<std::int64_t>{0, 1, 0, 0, 1, 1}));
  EXPECT_EQ(folds_of(dataset, {1, 3, 4}, 2), (std::vector<std::int64_t>{0, 1, 0}));
  EXPECT_THAT(error_of<ConfigError>([&] {
                (void)folds_of(dataset, {0, 2, 1}, 3);
              }),
              testing::AllOf(HasSubstr("pretrain.folds = 3"), HasSubstr("2 videos in six")));
}

TEST(HeldOut, ScoresComeBackToTheirClipsAndToNoOtherData) {
  const auto folder = scratch_folder("held_out");
  auto dataset = six_clips();
  write_held_out(folder, dataset, {{"b$_$1", 0.1F}, {"d$_$5", -1.5F}});
  take_held_out(folder, Modality::vision, dataset);
  EXPECT_EQ(dataset.clips[1].held_out.vision, 0.1F);
  EXPECT_EQ(dataset.clips[5].held_out.vision, -1.5F);
  EXPECT_TRUE(std::isnan(dataset.clips[0].held_out.vision));
  EXPECT_TRUE(std::isnan(dataset.clips[1].held_out.audio));
  auto fewer = dataset;
  fewer.clips.pop_back();
  EXPECT_THAT(error_of<DataError>([&] { take_held_out(folder, Modality::vision, fewer); }),
              HasSubstr("clip d$_$5 is not in six"));
  write_file(held_out_file(folder, dataset), "id,score\nb$_$1,good\n");
  EXPECT_THAT(error_of<DataError>([&] { take_held_out(folder, Modality::vision, dataset); }),
              HasSubstr("expected a number, found 'good'"));
  dataset.fingerprint[0] = 'f';
  take_held_out(folder, Modality::vision, dataset);
  EXPECT_TRUE(std::isnan(dataset.clips[1].held_out.vision)) << "what was known of other data is forgotten";
}

TEST(HeldOut, DistancesOfTrainingClipsGrowToThoseOfValidation) {
  auto dataset = six_clips();
  dataset.clips[4].split = dataset.clips[5].split = Split::valid;
  for (auto& clip : dataset.clips) clip.label = 1;
  const auto folder = scratch_folder("scaled");
  const auto rows = dataset.rows(Split::train);
  int trained = 0;
  const auto scale = [&](float off) {
    scale_distances(folder, dataset, rows, ProcessGroup::alone(), [&](const fs::path& first) {
      ++trained;
      std::vector<Prediction> predictions;
      for (const auto& clip : dataset.clips) {
        Prediction prediction;
        prediction.id = clip.id();
        prediction.split = clip.split;
        prediction.score = clip.split == Split::train ? 1.25F : 1 - off;
        predictions.push_back(prediction);
      }
      predictions[0].score = 0.75F;  // a quarter below its label, as the others are above
      fs::create_directories(first);
      write_predictions(first / "predictions.csv", predictions);
    });
  };
  scale(0.5);
  take_held_out(folder, Modality::vision, dataset);
  EXPECT_FLOAT_EQ(dataset.clips[0].held_out.vision, 0.5F) << "twice as far off, on its side";
  EXPECT_FLOAT_EQ(dataset.clips[1].held_out.vision, 1.5F);
  EXPECT_TRUE(std::isnan(dataset.clips[4].held_out.vision)) << "a validation clip teaches nothing";
  EXPECT_FALSE(fs::exists(folder / "first"));
  scale(0.5);
  EXPECT_EQ(trained, 1) << "it was done before";
  fs::remove(held_out_file(folder, dataset));
  dataset.clips[4].label = dataset.clips[5].label = kUnknown;
  EXPECT_THAT(error_of<ConfigError>([&] { scale(0.5); }), HasSubstr("pretrain.folds = 0: six has no validation clip"));
}

RunConfig selecting_config(const fs::path& folder, const std::vector<std::string>& sets = {}) {
  std::vector<std::string> all{"profile=selecting", "kuda.trust_target=prediction", "pretrain.labels=multimodal",
                               "pretrain.folds=2"};
  all.insert(all.end(), sets.begin(), sets.end());
  return small_config(folder, all);
}

std::map<std::string, std::string> held_out_scores(const fs::path& run, const Dataset& dataset) {
  std::map<std::string, std::string> scores;
  for (const auto& row : io::read_csv(held_out_file(run / "vision", dataset)).rows) scores[row[0]] = row[1];
  return scores;
}

TEST(HeldOut, AScoreDoesNotKnowTheLabelOfItsClip) {
  torch::set_num_threads(1);
  set_log_sink([](LogLevel, const std::string&) {});
  const auto folder = scratch_folder("held_out_label");
  NoProgress silent;
  const std::atomic<bool> stop{false};
  std::vector<std::map<std::string, std::string>> scores;
  std::vector<std::int64_t> rows, folds;
  std::string own;
  for (const char* name : {"as_is", "moved"}) {
    write_inputs(folder / name, std::string(name) == "moved" ? 0.4F : 0);
    auto config = selecting_config(folder / name);
    (void)run_pretrain(config, folder / name / "run", silent, stop, false);
    const auto dataset = open_dataset(folder / name / "clips");
    rows = dataset.rows(Split::train);
    folds = folds_of(dataset, rows, 2);
    own = dataset.clips[0].id();
    scores.push_back(held_out_scores(folder / name / "run", dataset));
    EXPECT_FALSE(fs::exists(folder / name / "run/vision/fold0")) << "models of the parts are not kept";
  }
  EXPECT_EQ(scores[0].size(), 12U);
  EXPECT_EQ(scores[0].at(own), scores[1].at(own));
  const auto dataset = open_dataset(folder / "as_is" / "clips");
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto id = dataset.clips[std::size_t(rows[i])].id();
    EXPECT_EQ(scores[0].at(id) == scores[1].at(id), folds[i] == folds[0]) << id;
  }
}

TEST(HeldOut, BothStagesLearnFromThem) {
  torch::set_num_threads(1);
  set_log_sink([](LogLevel, const std::string&) {});
  const auto folder = scratch_folder("held_out_run");
  write_inputs(folder);
  run(selecting_config(folder), folder / "whole");
  const auto stage2 = [&](const char* name) {
    auto config = selecting_config(folder);
    config.pretrained = (folder / "whole").string();
    run(std::move(config), folder / name);
  };
  stage2("again");
  const auto model = [&](const char* name) { return read_file(folder / name / "model/model.safetensors"); };
  EXPECT_TRUE(model("again") == model("whole")) << "stage 2 finds them in the folder of stage 1";
  const auto dataset = open_dataset(folder / "clips");
  for (const char* task : {"text", "vision", "audio"})
    ASSERT_TRUE(fs::remove(held_out_file(folder / "whole/pretrain" / task, dataset))) << task;
  stage2("without");
  EXPECT_FALSE(model("without") == model("whole"));
  run(selecting_config(folder, {"pretrain.folds=1"}), folder / "no_parts");
  const auto stage1 = [&](const char* name) {
    return read_file(folder / name / "pretrain/vision/model/model.safetensors");
  };
  EXPECT_FALSE(stage1("no_parts") == stage1("whole"));
}

}  // namespace
}  // namespace kuda::test
