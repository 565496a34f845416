#include "kuda/models/cenet/codebook.h"

#include <fmt/format.h>

#include <algorithm>

#include "kuda/base/error.h"
#include "kuda/data/normaliser.h"
#include "kuda/nn/kmeans.h"

namespace kuda::cenet {

using torch::Tensor;

namespace {

/// Enough for the centres of some tens of clusters; MOSEI has eight million frames.
constexpr std::int64_t kMostFrames = 1 << 16;
constexpr std::int64_t kStarts = 4;
constexpr std::uint64_t kCodebookSeed = 16;

}  // namespace

void FrameSample::add(const Sequence& sequence) {
  auto is_true = sequence.padding.logical_not();  // [B, L]
  if (sequence.missing.defined()) is_true = is_true.logical_and(sequence.missing.logical_not().unsqueeze(1));
  const auto frames = sequence.values.index({is_true}).to(torch::kCPU, torch::kFloat32).contiguous();  // [N, D]
  const auto* frame = frames.const_data_ptr<float>();
  for (std::int64_t i = 0; i < frames.size(0); ++i, ++seen_, frame += width_) {
    if (seen_ < kMostFrames)
      values_.insert(values_.end(), frame, frame + width_);
    else if (const auto place = std::int64_t(random_.below(std::uint64_t(seen_ + 1))); place < kMostFrames)
      std::copy(frame, frame + width_, values_.begin() + place * width_);
  }
}

Tensor FrameSample::frames() const { return torch::tensor(values_, torch::kFloat32).view({-1, width_}); }

CodebookImpl::CodebookImpl(std::int64_t clusters, std::int64_t width) {
  centres_ = register_buffer("centres", torch::zeros({clusters, width}));
  mean_ = register_buffer("mean", torch::zeros({width}));
  deviation_ = register_buffer("deviation", torch::ones({width}));
}

void CodebookImpl::fit(const Tensor& frames, std::string_view modality) {
  if (frames.size(0) == 0)
    throw DataError(fmt::format("{}: the training clips have no frame to find clusters in", modality));
  if (!frames.isfinite().all().item<bool>())
    throw DataError(fmt::format("{}: values that are not finite, so there are no clusters of frames", modality),
                    "data.clean = \"zero\" or \"mean\" repairs them");
  const auto x = frames.to(torch::kFloat64);
  const auto statistics = FeatureStatistics::from_moments(x.mean(0), x.var(0, /*unbiased=*/false));
  Random random(kCodebookSeed);
  const auto found = fit_kmeans(statistics.standardise(frames, 0), centres_.size(0), kStarts, random);
  mean_.copy_(statistics.mean);
  deviation_.copy_(statistics.deviation);
  centres_.copy_(found.centres);
}

Tensor CodebookImpl::ids(const Sequence& sequence) const {
  const auto frames = FeatureStatistics{mean_, deviation_}.standardise(sequence.values, 0);
  return nearest_centre(frames, centres_).masked_fill(sequence.padding, centres_.size(0));
}

}  // namespace kuda::cenet
