#pragma once
// A small trained model and clips of its data set as a caller would send them. For tests only.

#include <torch/torch.h>

#include <filesystem>
#include <string>
#include <vector>

#include "kuda/base/log.h"
#include "kuda/base/test_support.h"
#include "kuda/evaluation/scorer.h"
#include "kuda/predictor/predictor.h"
#include "kuda/runs/test_small_run.h"

namespace kuda::test {

/// folder/clips, folder/encoder and folder/run, made once in a process; a second or two.
inline const std::filesystem::path& trained_run() {
  static const std::filesystem::path folder = [] {
    torch::set_num_threads(1);
    set_log_sink([](LogLevel, const std::string&) {});
    const auto made = process_folder() / "trained";
    std::filesystem::create_directories(made);
    test::write_inputs(made);
    test::run(test::small_config(made, {"kuda.knowledge=false", "data.normalise=standardise"}), made / "run");
    return made;
  }();
  return folder;
}

/// The declared frames of a clip.
inline Frames frames_of_row(const Feature& feature, std::int64_t row) {
  const auto frames = feature.clip(row).slice(0, 0, feature.lengths[static_cast<std::size_t>(row)]).contiguous();
  const auto* data = frames.const_data_ptr<float>();
  return own_frames({data, data + frames.numel()}, feature.width());
}

inline ClipInput input_of(const Dataset& dataset, std::int64_t row) {
  const auto& clip = dataset.clips[static_cast<std::size_t>(row)];
  ClipInput input;
  input.id = clip.id();
  input.text = clip.text;
  if (dataset.vision) input.vision = frames_of_row(*dataset.vision, row);
  if (dataset.audio) input.audio = frames_of_row(*dataset.audio, row);
  return input;
}

inline std::vector<ClipInput> inputs_of(const Dataset& dataset) {
  std::vector<ClipInput> inputs;
  for (std::size_t row = 0; row < dataset.clips.size(); ++row) inputs.push_back(input_of(dataset, std::int64_t(row)));
  return inputs;
}

}  // namespace kuda::test
