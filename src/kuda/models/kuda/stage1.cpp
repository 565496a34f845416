// Stage 1: one modality learns its own sentiment; for foreign data through a bridge to the target's shape.

#include <algorithm>

#include "kuda/models/kuda/knowledge.h"
#include "kuda/models/kuda/kuda.h"

namespace kuda::kuda_model {

using torch::Tensor;
namespace nn = torch::nn;

KudaUnimodal::KudaUnimodal(Modality modality, const KudaConfig& config, const DataShape& target,
                           const DataShape& source, const TextEncoder& text)
    : modality_(modality), config_(config) {
  check(config);
  // The module itself is not registered: its children carry the published names without a prefix.
  const bool differs = modality != Modality::text && (source.width[modality] != target.width[modality] ||
                                                      source.length[modality] != target.length[modality]);
  const bool needs_bridge = differs && config.transfer == KudaConfig::Transfer::bridge;
  module_ = make_unimodal(modality, config, differs && !needs_bridge ? source : target, text);
  register_module("encoder", module_->encoder());
  register_module("decoder", module_->decoder());
  if (needs_bridge) {
    bridge_ = register_module(kBridgeName, Linear(source.width[modality], target.width[modality]));
    target_length_ = target.length[modality];
  }
  if (!config.predicts_ratio()) return;
  module_->add_trust();
  register_module("trust", module_->trust());
}

bool KudaUnimodal::is_saved(std::string_view name) const { return !name.starts_with(kBridgeName); }

Sequence KudaUnimodal::bridged(const Sequence& sequence) {
  return resample(Sequence{bridge_(sequence.values), sequence.padding, sequence.lengths, sequence.missing},
                  target_length_);
}

Output KudaUnimodal::forward(const Batch& batch, Trace* trace) {
  UnimodalOutput part;
  if (bridge_.is_empty()) {
    part = run_unimodal(modality_, module_, batch);
  } else {
    const auto sequence = bridged(batch[modality_]);
    part = module_(sequence.values, Tensor(), sequence.padding);
  }
  if (trace != nullptr) {
    trace->keep("uni_fea", part.features);
    trace->keep("uni_pred", part.prediction);
    trace->keep("key_padding_mask", part.padding);
  }
  Output output;
  output.score = part.prediction.squeeze(1);
  output.unimodal[modality_] = output.score;
  if (part.distance.defined()) output.terms.emplace_back(distance_term(modality_), part.distance.squeeze(1));
  return output;
}

Losses KudaUnimodal::loss(const Output& output, const Batch& batch) {
  const auto task = (output.score - batch.label).square().mean();
  if (output.terms.empty()) return {task, {{"task", task}}};
  const auto trust = trust_error(config_, output.terms.front().second, output.score, batch, modality_);
  return {task + config_.trust_pretrain_weight * trust, {{"task", task}, {"trust", trust}}};
}

}  // namespace kuda::kuda_model
