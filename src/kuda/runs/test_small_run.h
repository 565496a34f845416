#pragma once
// A run that takes a second or two: synthetic clips, the small encoder, a narrow KuDA. For tests only.

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "kuda/base/file.h"
#include "kuda/base/log.h"
#include "kuda/base/test_support.h"
#include "kuda/checkpoint/small_encoder.h"
#include "kuda/data/sources/prepared.h"
#include "kuda/data/synth/synth.h"
#include "kuda/runs/procedure.h"
#include "kuda/runs/run_folder.h"

namespace kuda::test {

/// Writes folder/clips and folder/encoder; the label of the first clip is moved.
inline void write_inputs(const std::filesystem::path& folder, float moved = 0) {
  SynthOptions options;
  options.train = 12;
  options.valid = 6;
  options.test = 6;
  options.vision_width = 5;
  options.audio_width = 4;
  auto dataset = make_synthetic(options);
  dataset.clips[0].label += moved;
  write_prepared(folder / "clips", dataset);
  write_small_encoder(folder / "encoder");
}

inline RunConfig small_config(const std::filesystem::path& folder, const std::vector<std::string>& sets = {}) {
  std::vector<std::string> all{"train.epochs=2",
                               "pretrain.epochs=1",
                               "train.batch_size=4",
                               "pretrain.batch_size=4",
                               "train.schedule=constant",
                               "pretrain.schedule=constant",
                               "train.lr=1e-3",
                               "pretrain.lr=1e-3",
                               "data.vision_length=10",
                               "data.audio_length=12",
                               "data.text_length=16",
                               "kuda.adapter_layers=[6, 9]",
                               "kuda.sequence_width=16",
                               "kuda.sequence_heads=2",
                               "kuda.adapter_heads=2",
                               "kuda.width=16",
                               "kuda.heads=2",
                               "kuda.head_width=8",
                               "kuda.feed_forward=16",
                               "kuda.blocks=1"};
  all.insert(all.end(), sets.begin(), sets.end());
  auto config = RunConfig::load({}, {"", all});
  config.data = (folder / "clips").string();
  config.encoder = (folder / "encoder").string();
  return config;
}

inline void run(RunConfig config, const std::filesystem::path& out, Progress* progress = nullptr) {
  NoProgress silent;
  const std::atomic<bool> stop{false};
  (void)run_training(config, out, progress != nullptr ? *progress : silent, stop);
}

/// Clips, encoder and a finished run in the folder of this process, which it returns; for a SetUpTestSuite.
inline std::filesystem::path finished_run(const std::string& name, const std::vector<std::string>& sets = {}) {
  torch::set_num_threads(1);
  set_log_sink([](LogLevel, const std::string&) {});
  const auto& folder = process_folder();
  write_inputs(folder);
  run(small_config(folder, sets), folder / name);
  return folder;
}

inline const std::vector<std::string> kBytesOfRun{"model/model.safetensors",
                                                  "model/calibration.json",
                                                  "last/model.safetensors",
                                                  "predictions.csv",
                                                  "metrics.json",
                                                  "pretrain/text/model/model.safetensors",
                                                  "pretrain/audio/predictions.csv"};

/// Two runs that must be equal, but for the time they took.
inline void expect_same(const std::filesystem::path& found, const std::filesystem::path& expected,
                        const std::string& what) {
  for (const auto& file : kBytesOfRun)
    EXPECT_TRUE(read_file(found / file) == read_file(expected / file)) << what << ": " << file;
  for (const char* file : {"epochs.jsonl", "pretrain/text/epochs.jsonl"}) {
    auto one = read_epochs(found / file), two = read_epochs(expected / file);
    ASSERT_EQ(one.size(), two.size()) << what << ": " << file;
    for (std::size_t i = 0; i < one.size(); ++i) {
      one[i].seconds = two[i].seconds = 0;
      EXPECT_EQ(to_json(one[i]), to_json(two[i])) << what << ": " << file;
    }
  }
  for (const auto& entry : std::filesystem::recursive_directory_iterator(found))
    EXPECT_NE(entry.path().extension(), ".tmp") << what << ": " << entry.path();
}

}  // namespace kuda::test
