#pragma once
// Run folders that a test writes: no training. For tests only.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "kuda/base/file.h"
#include "kuda/base/random.h"
#include "kuda/base/test_support.h"
#include "kuda/reports/write_report.h"

namespace kuda::test {

/// A run that was never trained: its scores are labels with normal noise.
struct MadeRun {
  std::string model = "tfn", data = "mosi", fingerprint = std::string(64, 'a'), select = "valid", options = "lr = 0.1";
  std::int64_t seed = 1;
  double noise = 0.5;
  bool is_synthetic = true, has_unimodal = false;
  std::size_t clips = 60;
  bool has_unimodal_labels = false;
};

inline std::vector<Prediction> predictions_of(const MadeRun& run) {
  Random labels(7), noise(stream_seed(std::uint64_t(run.seed), run.model));
  std::vector<Prediction> predictions;
  for (const auto split : kSplits)
    for (std::size_t i = 0; i < run.clips; ++i) {
      const double label = std::round(labels.uniform(-3, 3) * 5) / 5;
      Prediction clip{fmt::format("{}$_${:03}", split_name(split), i),
                      split,
                      float(label),
                      float(label + run.noise * noise.normal()),
                      {}};
      clip.unimodal = {kUnknown, kUnknown, kUnknown};
      if (run.has_unimodal)
        for (auto& score : clip.unimodal) score = float(0.5 * label + noise.normal());
      if (run.has_unimodal_labels) clip.unimodal_labels = {clip.label, -clip.label, 0};
      predictions.push_back(clip);
    }
  return predictions;
}

inline void write_run(const std::filesystem::path& folder, const MadeRun& run) {
  std::filesystem::create_directories(folder);
  const auto predictions = predictions_of(run);
  write_predictions(folder / "predictions.csv", predictions);
  write_file(folder / "config.toml",
             fmt::format("model = \"{}\"\nseed = {}\n[train]\n{}\n", run.model, run.seed, run.options));
  write_file(folder / "run.json", R"({"versions": {"kuda": "0.1.0", "revision": "r<1>"}, "notes": ["a <note>"]})");
  write_file(folder / "epochs.jsonl",
             "{\"epoch\":1,\"lr\":0.1,\"loss\":1.5,\"terms\":{},\"valid_MAE\":1.2,\"valid_Corr\":0.1,\"is_best\":true,"
             "\"seconds\":1}\n"
             "{\"epoch\":2,\"lr\":0.1,\"loss\":1.1,\"terms\":{},\"valid_MAE\":1.1,\"valid_Corr\":0.2,\"is_best\":true,"
             "\"seconds\":1}\n");
  ReportFacts facts;
  facts.model = run.model;
  facts.task = "main";
  facts.seed = run.seed;
  facts.data = run.data;
  facts.data_fingerprint = run.fingerprint;
  facts.is_synthetic = run.is_synthetic;
  facts.family = MetricFamily::mosi;
  facts.select = run.select;
  facts.chosen_epoch = facts.epochs = 2;
  std::vector<float> labels;
  for (const auto& clip : predictions)
    if (clip.split == Split::train) labels.push_back(clip.label);
  write_file(folder / "metrics.json",
             make_report(facts, predictions, labels, text_decoder_scores(predictions)).to_json());
}

/// ROOT/mosi/{tfn,tfn+wide,lmf}/{1,2,3}: tfn is best, tfn+wide much like it, lmf far behind.
inline std::filesystem::path three_systems() {
  const auto root = scratch_folder("runs");
  for (std::int64_t seed = 1; seed <= 3; ++seed) {
    write_run(root / "mosi/tfn" / std::to_string(seed), {.seed = seed, .noise = 0.5});
    write_run(root / "mosi/tfn+wide" / std::to_string(seed), {.options = "lr = 0.2", .seed = seed + 10, .noise = 0.59});
    write_run(root / "mosi/lmf" / std::to_string(seed), {.model = "lmf", .seed = seed, .noise = 2});
  }
  std::filesystem::rename(root / "mosi/tfn+wide/1", root / "mosi/tfn+wide/11");
  std::filesystem::rename(root / "mosi/tfn+wide/2", root / "mosi/tfn+wide/12");
  std::filesystem::rename(root / "mosi/tfn+wide/3", root / "mosi/tfn+wide/13");
  return root;
}

inline ResultTable table_of(const std::filesystem::path& root, const std::string& reference = "") {
  const auto groups = group_runs(find_runs({root}).finished, Split::test);
  EXPECT_EQ(groups.size(), 1U);
  return make_result_table(groups.front(), reference);
}

}  // namespace kuda::test
