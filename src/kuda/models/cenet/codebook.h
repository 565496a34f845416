#pragma once
// Frames of one modality as cluster ids: the "feature transformation" of CENet's paper.
//
//   Codebook codebook(16, width);
//   FrameSample sample(width, seed);
//   for (const auto& batch : batches) sample.add(batch.audio);
//   codebook->fit(sample.frames(), "audio");
//   const auto ids = codebook->ids(batch.audio);     // [B, L], 16 where padded

#include <torch/torch.h>

#include <cstdint>
#include <string_view>
#include <vector>

#include "kuda/base/random.h"
#include "kuda/data/batch.h"

namespace kuda::cenet {

/// True frames, each of all that were added with the same probability (Vitter 1985, algorithm R).
class FrameSample {
 public:
  FrameSample(std::int64_t width, std::uint64_t seed) : width_(width), random_(seed) {}
  /// Leaves out padding and clips that lack the modality.
  void add(const Sequence& sequence);
  [[nodiscard]] torch::Tensor frames() const;  ///< [N, D] float32, N at most 65536

 private:
  std::int64_t width_, seen_ = 0;
  Random random_;
  std::vector<float> values_;  ///< frame after frame
};

/// Cluster centres over standardised frames. Buffers, saved with the model: centres [K, D], mean [D], deviation [D].
class CodebookImpl : public torch::nn::Module {
 public:
  CodebookImpl(std::int64_t clusters, std::int64_t width);
  /// k-means with a fixed seed on frames [N, D], standardised by their own mean and deviation. Throws DataError, naming
  /// `modality`, when there is none or one that is not finite.
  void fit(const torch::Tensor& frames, std::string_view modality);
  /// [B, L] int64: the nearest centre; K at padding.
  [[nodiscard]] torch::Tensor ids(const Sequence& sequence) const;
  [[nodiscard]] std::int64_t width() const { return mean_.size(0); }

 private:
  torch::Tensor centres_, mean_, deviation_;
};
TORCH_MODULE(Codebook);

}  // namespace kuda::cenet
