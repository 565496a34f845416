#include "kuda/models/kuda/fusion_variants.h"

#include <algorithm>

#include "kuda/models/kuda/unimodal.h"

namespace kuda::kuda_model {

using torch::Tensor;
namespace nn = torch::nn;

namespace {

constexpr std::int64_t kTensorWidth = 32;  // per modality before the outer product: (32 + 1)^3 = 35937
constexpr std::int64_t kRank = 4;

Tensor first_defined(const ModalityTensors& aligned) {
  for (const auto& x : aligned)
    if (x.defined()) return x;
  return {};
}

/// [B, D] -> [B, D + 1] with a leading one, so that products keep the lower orders.
Tensor with_one(const Tensor& x) { return torch::cat({torch::ones({x.size(0), 1}, x.options()), x}, 1); }

/// The modalities the model was built with, in order; zeros where the batch lacks one.
std::vector<Tensor> of_present(const ModalityTensors& aligned, const PerModality<bool>& present) {
  std::vector<Tensor> parts;
  const auto like = first_defined(aligned);
  for (const auto m : kModalities)
    if (present[m]) parts.push_back(aligned[m].defined() ? aligned[m] : torch::zeros_like(like));
  return parts;
}

class Concatenation final : public FusionVariant {
 public:
  Concatenation(const KudaConfig& config, const PerModality<bool>& present) : present_(present) {
    const auto count = std::count(present.begin(), present.end(), true);
    linear_ = register_module("linear", Linear(count * config.width, config.width));
  }
  Tensor forward(const ModalityTensors& aligned, const Tensor&) override {
    return linear_(torch::cat(of_present(aligned, present_), -1));  // [B, L, D]
  }

 private:
  PerModality<bool> present_;
  Linear linear_{nullptr};
};

/// Zadeh et al. 2017: the outer product of all modalities.
class TensorFusion final : public FusionVariant {
 public:
  TensorFusion(const KudaConfig& config, const PerModality<bool>& present) : present_(present) {
    std::int64_t size = 1;
    for (const auto m : kModalities) {
      if (!present[m]) continue;
      reduce_.push_back(register_module(std::string("reduce_") + kSuffix[m], Linear(config.width, kTensorWidth)));
      size *= kTensorWidth + 1;
    }
    output_ = register_module("output", Linear(size, config.width));
  }
  Tensor forward(const ModalityTensors& aligned, const Tensor& padding) override {
    Tensor product;  // [B, 33^m]
    const auto parts = of_present(aligned, present_);
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const auto z = with_one(torch::relu(reduce_[i](mean_over_time(parts[i], padding))));  // [B, 33]
      product = product.defined() ? (product.unsqueeze(2) * z.unsqueeze(1)).flatten(1) : z;
    }
    return torch::relu(output_(product)).unsqueeze(1);  // [B, 1, D]
  }

 private:
  PerModality<bool> present_;
  std::vector<Linear> reduce_;
  Linear output_{nullptr};
};

/// Liu et al. 2018: the same product through factors of low rank.
class LowRankFusion final : public FusionVariant {
 public:
  LowRankFusion(const KudaConfig& config, const PerModality<bool>& present) : present_(present) {
    for (const auto m : kModalities) {
      if (!present[m]) continue;
      factors_.push_back(register_parameter(std::string("factor_") + kSuffix[m],
                                            torch::empty({kRank, config.width + 1, config.width})));
      nn::init::xavier_normal_(factors_.back());
    }
    weights_ = register_parameter("weights", torch::empty({1, kRank}));
    nn::init::xavier_normal_(weights_);
    bias_ = register_parameter("bias", torch::zeros({config.width}));
  }
  Tensor forward(const ModalityTensors& aligned, const Tensor& padding) override {
    Tensor product;  // [rank, B, D]
    const auto parts = of_present(aligned, present_);
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const auto projected = with_one(mean_over_time(parts[i], padding)).matmul(factors_[i]);
      product = product.defined() ? product * projected : projected;
    }
    return ((weights_.view({kRank, 1, 1}) * product).sum(0) + bias_).unsqueeze(1);  // [B, 1, D]
  }

 private:
  PerModality<bool> present_;
  std::vector<Tensor> factors_;
  Tensor weights_, bias_;
};

}  // namespace

std::shared_ptr<FusionVariant> make_fusion_variant(const KudaConfig& config, const PerModality<bool>& present) {
  if (config.fusion == KudaConfig::FusionKind::concatenation) return std::make_shared<Concatenation>(config, present);
  if (config.fusion == KudaConfig::FusionKind::tensor) return std::make_shared<TensorFusion>(config, present);
  if (config.fusion == KudaConfig::FusionKind::low_rank) return std::make_shared<LowRankFusion>(config, present);
  return nullptr;
}

}  // namespace kuda::kuda_model
