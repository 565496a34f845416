// Whole runs: what they leave, how they continue, what they refuse.

#include "kuda/runs/procedure.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <nlohmann/json.hpp>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/checkpoint/checkpoint.h"
#include "kuda/runs/run_folder.h"
#include "kuda/runs/test_small_run.h"
#include "kuda/training/test_toy_model.h"

namespace kuda {
namespace {

namespace fs = std::filesystem;
using namespace test;
using test::error_of;
using test::scratch_folder;
using testing::AllOf;
using testing::HasSubstr;

/// Clips, encoder and one finished run, made once for all tests of this file.
class Run : public testing::Test {
 protected:
  static void SetUpTestSuite() { folder = finished_run("whole"); }
  static fs::path folder;
};
fs::path Run::folder;

TEST_F(Run, DropsModalitiesOfTrainingClipsRepeatably) {
  run(small_config(folder, {"data.drop=0.6"}), folder / "drop-1");
  run(small_config(folder, {"data.drop=0.6"}), folder / "drop-2");
  expect_same(folder / "drop-1", folder / "drop-2", "data.drop");
  const auto weights = [](const std::string& name) { return read_file(folder / name / "model" / "model.safetensors"); };
  EXPECT_TRUE(weights("drop-1") != weights("whole"));
  EXPECT_TRUE(read_file(folder / "drop-1/pretrain/text/model/model.safetensors") ==
              read_file(folder / "whole/pretrain/text/model/model.safetensors"));
  EXPECT_THAT(error_of<ConfigError>([] { run(small_config(folder, {"data.drop=1.5"}), folder / "drop-3"); }),
              HasSubstr("data.drop = 1.5: expected 0 to 1"));
}

TEST_F(Run, LeavesEveryFile) {
  const auto out = folder / "whole";
  for (const char* file : {"config.toml", "run.json", "epochs.jsonl", "predictions.csv", "metrics.json",
                           "model/config.json", "model/model.safetensors", "model/vocab.txt", "last/config.json",
                           "model/calibration.json", "pretrain/audio/model/calibration.json",
                           "pretrain/text/metrics.json", "pretrain/vision/metrics.json", "pretrain/audio/metrics.json"})
    EXPECT_TRUE(fs::exists(out / file)) << file;
  EXPECT_FALSE(fs::exists(out / "state"));
  EXPECT_FALSE(fs::exists(out / "last/calibration.json")) << "the errors are those of the chosen epoch";
  EXPECT_EQ(Calibration::load(out / "model/calibration.json").size(), 6U);
  const auto facts = nlohmann::json::parse(read_file(out / "run.json"));
  EXPECT_TRUE(facts.at("is_finished").get<bool>());
  EXPECT_EQ(facts.at("threads"), 1);
  EXPECT_EQ(facts.at("data").at("splits").at("train"), 12);
  EXPECT_EQ(facts.at("cleaning").at("clips_dropped"), 0);
  EXPECT_EQ(read_predictions(out / "predictions.csv").size(), 24U);
}

TEST_F(Run, ReportHasTheModelBesideThePredictorsThatKnowLess) {
  const auto report = read_report(folder / "whole" / "metrics.json");
  const auto& rows = report.splits[std::size_t(Split::test)];
  ASSERT_EQ(rows.size(), 4U);
  EXPECT_EQ(rows[0].name, "kuda");
  EXPECT_EQ(rows[1].key, "text_only");
  EXPECT_EQ(rows[2].key, "mean");
  EXPECT_EQ(rows[3].key, "majority");
  EXPECT_FALSE(rows[2].metrics.degenerate.empty());
  const auto predictions = read_predictions(folder / "whole" / "predictions.csv");
  EXPECT_EQ(rows[0].metrics.value("MAE"), measure(predictions, Split::test, report.facts.family).value("MAE"));
  // Text only is the text task of the pretraining, scored against the clip's label.
  auto text = read_predictions(folder / "whole/pretrain/text/predictions.csv");
  for (auto& prediction : text)
    for (const auto& clip : predictions)
      if (clip.id == prediction.id) prediction.label = clip.label;
  EXPECT_EQ(rows[1].metrics.value("MAE"), measure(text, Split::test, report.facts.family).value("MAE"));
  EXPECT_THAT(report.table(Split::test), HasSubstr("(synthetic data), test split; epoch"));
  EXPECT_EQ(report.to_json(), read_file(folder / "whole" / "metrics.json")) << "reads back to the same bytes";
}

TEST_F(Run, AFinishedRunIsLeftAlone) {
  auto config = small_config(folder);
  NoProgress silent;
  const std::atomic<bool> stop{false};
  const auto before = fs::last_write_time(folder / "whole" / "model" / "model.safetensors");
  EXPECT_FALSE(run_training(config, folder / "whole", silent, stop));
  EXPECT_EQ(fs::last_write_time(folder / "whole" / "model" / "model.safetensors"), before);
}

/// Counts steps over all tasks and kills the process at one.
class KillAt final : public Progress {
 public:
  explicit KillAt(int step) : step_(step) {}
  void step(const ProgressStep&) override {
    if (--step_ == 0) ::raise(SIGKILL);
  }
  void line(const std::string&) override {}

 private:
  int step_;
};

/// In another process, which is killed after that step.
void run_killed(RunConfig config, const fs::path& out, int step) {
  const pid_t child = ::fork();
  if (child == 0) {
    try {
      KillAt progress(step);
      run(std::move(config), out, &progress);
      ::_exit(0);
    } catch (...) {
      ::_exit(1);
    }
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << "step " << step << ", status " << status;
  EXPECT_FALSE(is_finished(out));
}

TEST_F(Run, KilledAnywhereItEndsWithTheSameBytes) {
  // 3 steps in each of three tasks and 6 scoring batches after each; then 2 epochs of 3 steps and 6 scoring batches.
  for (const int step : {2, 5, 12, 20, 29, 31, 35}) {
    const auto out = scratch_folder("killed");
    run_killed(small_config(folder), out, step);
    run(small_config(folder), out);
    expect_same(out, folder / "whole", "killed after step " + std::to_string(step));
  }
}

TEST_F(Run, ThatMovedWithItsDataAndEncoderGoesOn) {
  const auto moved = scratch_folder("moved");
  for (const int step : {20, 31}) {  // in stage 1, and in the main task
    const auto out = scratch_folder("killed");
    run_killed(small_config(folder), out, step);
    const auto run_folder = moved / std::to_string(step);
    fs::create_directories(run_folder);
    for (const char* name : {"clips", "encoder"})
      fs::copy(folder / name, run_folder / name, fs::copy_options::recursive);
    fs::rename(out, run_folder / "run");
    run(small_config(run_folder), run_folder / "run");
    expect_same(run_folder / "run", folder / "whole", "moved after step " + std::to_string(step));
  }
  // Other clips in that place are another run.
  const auto out = scratch_folder("killed");
  run_killed(small_config(folder), out, 31);
  auto other = small_config(folder);
  other.data = (moved / "other").string();
  SynthOptions options;
  options.train = 9;
  options.valid = options.test = 6;
  options.vision_width = 5;
  options.audio_width = 4;
  write_prepared(other.data, make_synthetic(options));
  EXPECT_THAT(error_of<ConfigError>([&] { run(std::move(other), out); }), HasSubstr("what is there is not the same"));
}

TEST_F(Run, WhatAModelFindsInTheTrainingClipsIsSavedAndContinued) {
  const auto config = [] {
    auto result = RunConfig::load(
        {}, {"",
             {"model=cenet", "cenet.variant=codebook", "cenet.clusters=3", "train.epochs=2", "train.batch_size=4",
              "train.lr=1e-3", "train.schedule=linear", "train.optimizer=adamw_transformers", "train.save_seconds=1e-9",
              "data.vision_length=10", "data.audio_length=12", "data.text_length=14"}});
    result.data = (folder / "clips").string();
    result.encoder = (folder / "encoder").string();
    return result;
  };
  const auto whole = scratch_folder("codebook"), killed = scratch_folder("codebook_killed");
  run(config(), whole);
  run_killed(config(), killed, 5);  // within an epoch: the rate must go on from that step
  run(config(), killed);
  EXPECT_TRUE(read_file(killed / "last/model.safetensors") == read_file(whole / "last/model.safetensors"));
  const auto checkpoint = load_checkpoint(whole);
  for (const char* name : {"visual", "acoustic"}) {
    const auto key = std::string("roberta.encoder.CE.") + name + "_codebook.centres";
    const auto centres = checkpoint.model->named_buffers()[key];
    EXPECT_TRUE(centres.isfinite().all().item<bool>());
    EXPECT_GT(centres.std(0).max().item<float>(), 0) << "found, not the zeros they start from";
  }
}

TEST_F(Run, OtherOptionsAreRefusedUnlessItShallRestart) {
  const auto out = scratch_folder("run");
  run(small_config(folder, {"train.epochs=1"}), out);
  auto config = small_config(folder, {"train.epochs=1", "train.lr=5e-4", "seed=7"});
  NoProgress silent;
  const std::atomic<bool> stop{false};
  const auto message = error_of<ConfigError>([&] { (void)run_training(config, out, silent, stop); });
  EXPECT_THAT(message, HasSubstr("now seed = 7, before seed = 1111"));
  EXPECT_THAT(message, HasSubstr("now train.lr = 0.0005, before train.lr = 0.001"));
  const auto before = read_file(out / "predictions.csv");
  EXPECT_TRUE(run_training(config, out, silent, stop, /*restart=*/true));
  EXPECT_NE(read_file(out / "predictions.csv"), before);
  config.train.save_every = 5;
  EXPECT_FALSE(run_training(config, out, silent, stop)) << "how often a state is saved changes no number";
}

TEST_F(Run, WhatIsRefusedLeavesNoFolder) {
  const auto root = scratch_folder("refused");
  const auto out = root / "new/run";
  const auto refused = [&](const std::vector<std::string>& sets, const fs::path& data) {
    auto config = small_config(folder, sets);
    config.data = data.string();
    return error_of<Error>([&] { run(std::move(config), out); });
  };
  EXPECT_THAT(refused({"kuda.adapter_layers=[1, 2]"}, folder / "clips"), HasSubstr("expected rising layers"));
  EXPECT_FALSE(fs::exists(root / "new"));
  EXPECT_THAT(refused({}, folder / "no clips"), HasSubstr("no clips"));
  EXPECT_FALSE(fs::exists(root / "new"));
  EXPECT_THAT(refused({"kuda.fusion=text_centred", "data.modalities=vision,audio"}, folder / "clips"),
              HasSubstr("needs the text"));
  EXPECT_FALSE(fs::exists(root / "new")) << "what the main model refuses is found before stage 1";
  fs::create_directories(out / "notes");
  EXPECT_THAT(refused({}, folder / "no clips"), HasSubstr("no clips"));
  EXPECT_TRUE(fs::exists(out / "notes"));
  EXPECT_FALSE(fs::exists(out / "config.toml"));
  run(small_config(folder, {"train.epochs=1"}), out);
}

TEST_F(Run, ARestartThatIsRefusedLeavesTheOldRun) {
  const auto out = scratch_folder("run");
  fs::copy(folder / "whole", out, fs::copy_options::recursive);
  auto config = small_config(folder, {"kuda.adapter_layers=[1, 2]"});
  NoProgress silent;
  const std::atomic<bool> stop{false};
  EXPECT_THROW((void)run_training(config, out, silent, stop, /*restart=*/true), ConfigError);
  expect_same(out, folder / "whole", "refused");
}

TEST_F(Run, TwoProcessesDoNotShareAFolder) {
  const auto out = scratch_folder("run");
  const FolderLock lock(out);
  EXPECT_THAT(error_of<Error>([&] { const FolderLock second(out); }), HasSubstr("another process"));
}

TEST_F(Run, IdsThatComeTwiceStopIt) {
  auto dataset = open_dataset(folder / "clips");
  dataset.clips[20].video_id = dataset.clips[0].video_id;
  dataset.clips[20].clip_id = dataset.clips[0].clip_id;
  write_prepared(folder / "twice", dataset);
  auto config = small_config(folder);
  config.data = (folder / "twice").string();
  EXPECT_THAT(
      error_of<DataError>([&] { run(std::move(config), folder / "twice_run"); }),
      HasSubstr("1 clips have the id of another: '" + dataset.clips[0].id() + "' is the id of 2 clips (train, "));
}

TEST_F(Run, WhereNothingIsLearnedItIsSaid) {
  run(small_config(folder, {"train.schedule=released", "train.epochs=1"}), folder / "idle");
  EXPECT_THAT(read_file(folder / "idle/run.json"), HasSubstr("nothing was learned: epoch 1 is chosen"));
  EXPECT_THAT(read_file(folder / "whole/run.json"), testing::Not(HasSubstr("nothing was learned")));
}

TEST_F(Run, TextsThatTheEncoderCannotReadOrThatAreCutAreToldBeforeTraining) {
  const auto config = small_config(folder);
  auto data = read_prepared(folder / "clips");
  const auto said = [&] {
    test::CaughtLog log;
    (void)Session(config, data, config.collate);
    return log.text();
  };
  EXPECT_THAT(said(), testing::Not(HasSubstr("are unknown to the encoder")));
  for (auto& clip : data.clips) clip.text = "\u5f88\u597d\u5403";
  EXPECT_THAT(said(), HasSubstr("of the word pieces of its texts 100 % are unknown to the encoder"));
  for (auto& clip : data.clips) clip.text = std::string(60, '.');
  EXPECT_THAT(said(), HasSubstr("are longer than 16 word pieces (data.text_length) and are cut; the longest has 62"));
}

TEST_F(Run, LabelsOnAnotherScaleAreWarnedOf) {
  auto dataset = open_dataset(folder / "clips");
  for (std::size_t i = 0; i < dataset.clips.size(); ++i) dataset.clips[i].label = float(1 + i % 5);
  write_prepared(folder / "ratings", dataset);
  auto config = small_config(folder, {"train.epochs=1"});
  config.data = (folder / "ratings").string();
  std::string log;
  const auto before = set_log_sink([&](LogLevel, const std::string& line) { log += line + "\n"; });
  run(std::move(config), folder / "ratings_run");
  set_log_sink(before);
  const std::string problem = "labels from 1 to 5: ";
  EXPECT_THAT(log, HasSubstr(problem));
  const auto report = read_report(folder / "ratings_run" / "metrics.json");
  EXPECT_THAT(report.off_scale[std::size_t(Split::test)], HasSubstr(problem));
  EXPECT_THAT(report.table(Split::test), HasSubstr(problem));
  EXPECT_EQ(read_report(folder / "whole" / "metrics.json").off_scale[std::size_t(Split::test)], "");
}

TEST_F(Run, FeaturesThatAreNotThoseOfTheFingerprintAreNotTrainedOn) {
  const auto other = scratch_folder("other");
  auto data = open_dataset(folder / "clips");
  write_prepared(other / "clips", data);
  data.vision->values = data.vision->values + 1;
  write_prepared(other / "edited", data);
  const auto features = other / "clips/features.safetensors";
  fs::copy_file(other / "edited/features.safetensors", features, fs::copy_options::overwrite_existing);
  fs::last_write_time(features, fs::last_write_time(other / "clips/dataset.toml"));  // nothing to be seen on opening
  (void)open_dataset(other / "clips");
  auto config = small_config(folder);
  config.data = (other / "clips").string();
  EXPECT_THAT(error_of<DataError>([&] { run(std::move(config), other / "run"); }),
              AllOf(HasSubstr("features.safetensors: changed after the data set was made"),
                    HasSubstr("delete features_sha256, fingerprint and finite")));
  EXPECT_FALSE(fs::exists(other / "run"));
}

TEST_F(Run, MultReadsTextFeaturesUnlessItHasItsOwnBert) {
  auto data = open_dataset(folder / "clips");
  data.text_features = data.vision;  // any sequence will do
  const auto other = scratch_folder("other");
  write_prepared(other / "clips", data);
  for (auto& clip : data.clips) clip.text.clear();
  write_prepared(other / "no_texts", data);
  const auto config_of = [&](const char* clips, const char* use_bert) {
    auto config =
        RunConfig::load({}, {"",
                             {"model=mult", "train.epochs=1", "train.batch_size=4", "mult.width=8", "mult.heads=2",
                              "mult.levels=1", "data.text_length=16", std::string("mult.use_bert=") + use_bert}});
    config.data = (other / clips).string();
    config.encoder = (folder / "encoder").string();
    return config;
  };
  run(config_of("clips", "false"), other / "features");
  EXPECT_FALSE(fs::exists(other / "features/model/vocab.txt")) << "no encoder where the data have features";
  run(config_of("no_texts", "false"), other / "features_only");
  run(config_of("clips", "true"), other / "bert");
  const auto checkpoint = load_checkpoint(other / "bert");
  ASSERT_TRUE(checkpoint.tokenizer);
  const auto written = read_predictions(other / "bert/predictions.csv");
  const auto with_texts = open_dataset(other / "clips");
  const auto collator = make_collator(checkpoint, with_texts, {});
  const auto again = predict_rows(*checkpoint.model, collator, {0, 1});
  for (std::size_t i = 0; i < again.size(); ++i) {
    const auto found = std::find_if(written.begin(), written.end(), [&](const auto& p) { return p.id == again[i].id; });
    ASSERT_NE(found, written.end());
    EXPECT_NEAR(found->score, again[i].score, 1e-5) << "another batch size";
  }
  EXPECT_THAT(error_of<DataError>([&] { run(config_of("no_texts", "true"), other / "refused"); }),
              HasSubstr("neither raw text nor stored token ids"));
}

TEST_F(Run, ModelsWithoutTextNeedNoEncoder) {
  auto config = small_config(folder, {"data.modalities=vision,audio"});
  config.encoder.clear();
  const auto out = scratch_folder("run");
  run(std::move(config), out);
  EXPECT_FALSE(fs::exists(out / "pretrain" / "text"));
  EXPECT_FALSE(fs::exists(out / "model" / "vocab.txt"));
  config = small_config(folder);
  config.encoder.clear();
  EXPECT_THAT(error_of<ConfigError>([&] { run(std::move(config), scratch_folder("none")); }),
              HasSubstr("no text encoder"));
}

}  // namespace
}  // namespace kuda
