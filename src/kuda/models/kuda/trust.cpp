#include "kuda/models/kuda/trust.h"

#include <limits>
#include <vector>

#include "kuda/models/kuda/unimodal.h"

namespace kuda::kuda_model {

using torch::Tensor;

namespace {

constexpr std::int64_t kTrustWidth = 32;

}  // namespace

TrustHeadImpl::TrustHeadImpl(std::int64_t input_width) {
  attention_ = register_module("attention", Linear(input_width, 1));
  hidden_ = register_module("hidden", Linear(2 * input_width, kTrustWidth));
  distance_ = register_module("distance", Linear(kTrustWidth, 1));
}

Tensor TrustHeadImpl::forward(const Tensor& features, const Tensor& padding) {
  constexpr float kMinusInfinity = -std::numeric_limits<float>::infinity();
  const auto logits = attention_(features).masked_fill(padding.unsqueeze(-1), kMinusInfinity);  // [B, L, 1]
  const auto attended = (logits.softmax(1) * as_float32(features)).sum(1);                      // [B, D]
  const auto pooled = torch::cat({mean_over_time(features, padding), attended}, 1);             // [B, 2 D]
  return torch::softplus(distance_(torch::gelu(hidden_(pooled))));                              // [B, 1]
}

ModalityTensors ratio_of(const KudaConfig& config, const ModalityTensors& distances, const ModalityTensors& missing) {
  using Ratio = KudaConfig::Ratio;
  std::vector<Tensor> values, lacks;
  for (const auto m : kModalities) {
    if (!distances[m].defined()) continue;
    const auto& d = distances[m];
    values.push_back(config.ratio == Ratio::gaussian      ? -config.k * d.square()
                     : config.ratio == Ratio::exponential ? -config.k * d.abs()
                     : config.ratio == Ratio::precision   ? (1 + (config.k * d).square()).reciprocal()
                                                          : (1 + config.k * d.abs()).reciprocal());
    if (missing[m].defined()) lacks.push_back(missing[m].unsqueeze(1));
  }
  auto stacked = torch::stack(values);  // [M, B, 1]
  // exp(x) over its sum is a softmax; written so, it cannot underflow to 0/0 for large distances.
  const bool is_softmax = config.ratio == Ratio::gaussian || config.ratio == Ratio::exponential;
  if (!lacks.empty()) {
    const auto none = torch::stack(lacks);                                     // [M, B, 1]
    const auto left_out = none & none.all(0, /*keepdim=*/true).logical_not();  // a clip of nothing keeps its ratio
    stacked = stacked.masked_fill(left_out, is_softmax ? -std::numeric_limits<float>::infinity() : 0);
  }
  auto ratio = is_softmax ? stacked.softmax(0) : stacked / stacked.sum(0, /*keepdim=*/true);
  if (config.ratio_detach) ratio = ratio.detach();
  ModalityTensors result;
  std::int64_t row = 0;
  for (const auto m : kModalities)
    if (distances[m].defined()) result[m] = ratio[row++].unsqueeze(-1);  // [B, 1, 1]
  return result;
}

std::string distance_term(Modality modality) { return std::string("distance/") + letter(modality); }

Tensor trust_error(const KudaConfig& config, const Tensor& distance, const Tensor& prediction, const Batch& batch,
                   Modality modality) {
  const auto& label = batch.multimodal_label.defined() ? batch.multimodal_label : batch.label;
  const auto &own = batch.unimodal_labels[modality], &held_out = batch.held_out[modality];
  auto score = prediction.detach();  // [B]
  if (held_out.defined()) score = torch::where(held_out.isnan(), score, held_out);
  if (config.trust_target == KudaConfig::TrustTarget::label && own.defined())
    score = torch::where(own.isnan(), score, own);
  const auto is_known = label.isnan().logical_not();
  const auto target = torch::where(is_known, (score - label).abs(), torch::zeros_like(label));
  if (config.trust_loss == KudaConfig::TrustLoss::absolute) return ((distance - target).abs() * is_known).mean();
  const auto variance = distance.square() + 1 / (config.k * config.k);
  return ((variance.log() + target.square() / variance) / 2 * is_known).mean();
}

}  // namespace kuda::kuda_model
