#pragma once
// MMIM's estimates of mutual information: a lower bound between two modalities with an entropy over recent batches, and
// a contrastive term between a modality and the fusion.

#include <torch/torch.h>

#include <array>
#include <cstdint>
#include <string>

#include "kuda/models/mmim/config.h"
#include "kuda/models/trace.h"
#include "kuda/tensor/linear.h"

namespace kuda::mmim {

/// Samples of clips with a positive and with a negative label, [n, D / 4] each.
using SignedSamples = std::array<torch::Tensor, 2>;

/// q(y | x): a Gaussian whose mean and log variance are two-layer networks of x. Published name: MMILB; names mlp_mu,
/// mlp_logvar, entropy_prj.
class InformationBoundImpl : public torch::nn::Module {
 public:
  InformationBoundImpl(const MmimConfig& config, std::int64_t x_width, std::int64_t y_width);
  /// x [B, Dx], y [B, Dy] -> mean log likelihood without constant and log variance, a scalar.
  torch::Tensor forward(const torch::Tensor& x, const torch::Tensor& y, const std::string& pair, Trace* trace);
  /// tanh(W y), split by the sign of label [B].
  SignedSamples samples(const torch::Tensor& y, const torch::Tensor& label);
  /// 0.25 (logdet cov P + logdet cov N) over the samples of memory and batch; undefined before the memory is full.
  torch::Tensor entropy(const SignedSamples& batch) const;

  /// Registers the memory: `size` batches of at most `batch_size` clips.
  void begin_training(std::int64_t size, std::int64_t batch_size, torch::Device device);
  [[nodiscard]] bool has_memory() const { return counts_.defined(); }
  void store(std::int64_t slot, const SignedSamples& samples);

 private:
  torch::Tensor all_samples(std::size_t side, const torch::Tensor& fresh) const;

  bool skip_singular_;
  std::int64_t sample_width_;
  torch::nn::Sequential mean_, log_variance_, project_;
  torch::Tensor memory_, counts_;  ///< [2, size, batch, width] float32, [2, size] int64
};
TORCH_MODULE(InformationBound);

/// mean_i (logsumexp_j S_ij - S_ii), S the cosines of x and its prediction from the fusion. Published name: CPC.
class ContrastiveTermImpl : public torch::nn::Module {
 public:
  ContrastiveTermImpl(const MmimConfig& config, std::int64_t x_width);
  torch::Tensor forward(const torch::Tensor& x, const torch::Tensor& fusion);  ///< [B, Dx], [B, F] -> scalar

 private:
  Linear single_{nullptr};
  torch::nn::Sequential several_{nullptr};
};
TORCH_MODULE(ContrastiveTerm);

}  // namespace kuda::mmim
