#include "kuda/evaluation/late_fusion.h"

#include <algorithm>
#include <cmath>

namespace kuda {
namespace {

constexpr std::size_t kClipsPerWeight = 5;

std::vector<Modality> modalities_of_all(const std::vector<Prediction>& valid, const std::vector<Prediction>& clips) {
  std::vector<Modality> modalities;
  for (const auto m : kModalities) {
    const auto has_score = [m](const Prediction& clip) { return !std::isnan(clip.unimodal[m]); };
    if (std::all_of(clips.begin(), clips.end(), has_score) && std::all_of(valid.begin(), valid.end(), has_score))
      modalities.push_back(m);
  }
  return modalities;
}

/// [clips, modalities + 1] float64: the unimodal scores and a one.
torch::Tensor design(const std::vector<Prediction>& clips, const std::vector<Modality>& modalities) {
  auto matrix = torch::ones({std::int64_t(clips.size()), std::int64_t(modalities.size() + 1)}, torch::kFloat64);
  auto cells = matrix.accessor<double, 2>();
  for (std::size_t i = 0; i < clips.size(); ++i)
    for (std::size_t m = 0; m < modalities.size(); ++m)
      cells[std::int64_t(i)][std::int64_t(m)] = double(clips[i].unimodal[modalities[m]]);
  return matrix;
}

/// [modalities + 1, 1]
torch::Tensor weights_on(const std::vector<Prediction>& valid, const std::vector<Modality>& modalities) {
  auto labels = torch::empty({std::int64_t(valid.size()), 1}, torch::kFloat64);
  auto cells = labels.accessor<double, 2>();
  for (std::size_t i = 0; i < valid.size(); ++i) cells[std::int64_t(i)][0] = double(valid[i].label);
  // gelsd: the smallest weights where two modalities say the same
  return std::get<0>(torch::linalg_lstsq(design(valid, modalities), labels, std::nullopt, "gelsd"));
}

}  // namespace

LateFusion fuse_late(const std::vector<Prediction>& valid, const std::vector<Prediction>& clips) {
  const auto modalities = modalities_of_all(valid, clips);
  if (modalities.size() < 2 || clips.empty()) return {};
  const auto n = std::int64_t(modalities.size());
  auto weights = torch::full({n + 1, 1}, 1.0 / double(n), torch::kFloat64);
  weights[n] = 0;  // the offset
  const bool is_fitted = valid.size() >= kClipsPerWeight * (modalities.size() + 1);
  if (is_fitted) weights = weights_on(valid, modalities);
  const auto scores = design(clips, modalities).matmul(weights).squeeze(1).to(torch::kFloat32).contiguous();
  return {{scores.data_ptr<float>(), scores.data_ptr<float>() + scores.numel()},
          is_fitted ? "least squares" : "their mean"};
}

}  // namespace kuda
