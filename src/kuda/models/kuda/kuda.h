#pragma once
// KuDA (Feng et al., Findings of EMNLP 2024): knowledge-guided dynamic modality attention fusion.
//
//   auto model = find_model("kuda").make(config, shape, encoder);
//   const Output output = model->forward(batch, nullptr);     // score [B], unimodal scores [B] each

#include <memory>

#include "kuda/models/kuda/fusion.h"
#include "kuda/models/kuda/unimodal.h"
#include "kuda/models/model.h"
#include "kuda/tensor/linear.h"

namespace kuda::kuda_model {

/// Stage 2. State names as published: UniEncKI.enc_{t,v,a}, DyMultiFus, CLS.
class Kuda final : public Model {
 public:
  /// Throws ConfigError when options contradict each other or no modality is present.
  Kuda(const KudaConfig& config, const DataShape& shape, const TextEncoder& text);
  /// Modalities that the batch lacks are left out of every sum (any non-empty subset of the model's).
  Output forward(const Batch& batch, Trace* trace) override;
  Losses loss(const Output& output, const Batch& batch) override;
  std::vector<ParameterGroup> parameter_groups() override;
  [[nodiscard]] bool is_padding_invariant() const override;
  [[nodiscard]] std::vector<FusionBlockTrace> fusion_blocks() const override { return fusion_->traced_blocks(); }
  [[nodiscard]] std::vector<std::string> notes() const override;
  /// The module of one modality, for loading stage 1 into it; empty when absent.
  Unimodal& unimodal(Modality modality) { return unimodal_[modality]; }

 private:
  KudaConfig config_;
  DataShape shape_;
  PerModality<Unimodal> unimodal_{nullptr, nullptr, nullptr};
  Fusion fusion_{nullptr};
  torch::nn::Sequential output_;
};

/// Stage 1 of one modality. State names as published: encoder.*, decoder.*. The label is `batch.label`
/// (the collator's target chooses the unimodal or the multimodal one).
class KudaUnimodal final : public Model {
 public:
  KudaUnimodal(Modality modality, const KudaConfig& config, const DataShape& target, const DataShape& source,
               const TextEncoder& text);
  Output forward(const Batch& batch, Trace* trace) override;
  Losses loss(const Output& output, const Batch& batch) override;  ///< mean squared error
  [[nodiscard]] bool is_padding_invariant() const override { return config_.mask_decoder_mean; }
  [[nodiscard]] bool is_saved(std::string_view name) const override;  ///< all but the bridge

 private:
  Sequence bridged(const Sequence& sequence);
  Modality modality_;
  KudaConfig config_;
  std::int64_t target_length_ = 0;
  Linear bridge_{nullptr};  ///< source features to target features; not part of the saved knowledge
  Unimodal module_{nullptr};
};

[[nodiscard]] ModelInfo info();

}  // namespace kuda::kuda_model
