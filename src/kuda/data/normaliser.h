#pragma once
// Mean and deviation per feature over the frames of the training split, for standardising and for CleanPolicy::mean.
//
//   const Normaliser normaliser = Normaliser::fit(dataset, config);
//   normaliser.save("model/normaliser.safetensors");     // vision/mean, vision/deviation, audio/mean, ...

#include <torch/torch.h>

#include <filesystem>

#include "kuda/data/data_config.h"
#include "kuda/data/dataset.h"

namespace kuda {

struct FeatureStatistics {
  torch::Tensor mean;       ///< [D] float32
  torch::Tensor deviation;  ///< [D] float32, of the population (divided by n); 0 where a feature never changes
  /// From mean and mean squared difference from it, both [D] float64.
  [[nodiscard]] static FeatureStatistics from_moments(const torch::Tensor& mean, const torch::Tensor& variance);
  [[nodiscard]] bool defined() const { return mean.defined(); }
  /// frames [S, D] -> (frames - mean) / deviation, limited to [-limit, limit] when limit > 0. A feature that never
  /// changes in training tells nothing and becomes 0, whatever its value is elsewhere.
  [[nodiscard]] torch::Tensor standardise(const torch::Tensor& frames, double limit) const;
};

struct Normaliser {
  PerModality<FeatureStatistics> modality;  ///< vision and audio; text is never standardised

  /// Over the valid frames (by config.mask) of the training clips in use that have the modality, after cleaning.
  /// Throws DataError when the training split has none.
  [[nodiscard]] static Normaliser fit(const Dataset& dataset, const DataConfig& config);
  void save(const std::filesystem::path& path) const;
  [[nodiscard]] static Normaliser load(const std::filesystem::path& path);
};

}  // namespace kuda
