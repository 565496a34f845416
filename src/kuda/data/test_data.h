#pragma once
// Small data sets made in memory, for the tests of data/.

#include <string>
#include <utility>
#include <vector>

#include "kuda/base/test_support.h"
#include "kuda/data/dataset.h"
#include "kuda/data/sources/fingerprint.h"

namespace kuda::test {

/// A feature of the given clips, each a list of frames, padded to `padded_length`; lengths as stored.
inline Feature make_feature(const std::vector<std::vector<std::vector<float>>>& clips, std::int64_t padded_length) {
  Feature feature;
  feature.padded_length = padded_length;
  feature.offsets.push_back(0);
  std::vector<float> values;
  std::int64_t width = 1;
  for (const auto& clip : clips) {
    for (const auto& frame : clip) {
      values.insert(values.end(), frame.begin(), frame.end());
      width = std::int64_t(frame.size());
    }
    feature.lengths.push_back(std::int64_t(clip.size()));
    feature.offsets.push_back(feature.offsets.back() + std::int64_t(clip.size()));
  }
  feature.values = torch::tensor(values, torch::kFloat32).reshape({feature.offsets.back(), width});
  return feature;
}

/// Three clips, one per split, with vision [3 frames of 2], audio [4 of 1] and unimodal labels.
inline Dataset small_dataset() {
  Dataset data;
  data.name = "small";
  data.language = "en";
  for (const Split split : kSplits) {
    Clip clip;
    clip.video_id = "video_000" + std::to_string(int(split) + 1);
    clip.clip_id = "0001";
    clip.split = split;
    clip.text = "a fine film, \"really\"\nyes";
    clip.label = 0.2F * float(int(split)) - 0.4F;
    clip.unimodal_labels = {0.6F, -0.2F, kUnknown};
    data.clips.push_back(clip);
  }
  data.vision = make_feature({{{1, 2}, {3, 4}, {5, 6}}, {{7, 8}}, {{9, 10}, {11, 12}}}, 3);
  data.audio = make_feature({{{1}, {2}}, {{3}, {4}, {5}, {6}}, {{7}}}, 4);
  data.features_digest = features_digest(data);
  data.fingerprint = fingerprint_of(data);
  return data;
}

}  // namespace kuda::test
