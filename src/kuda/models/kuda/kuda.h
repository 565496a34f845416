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

/// Stage 2. State names as published: UniEncKI.enc_{t,v,a}, DyMultiFus, CLS. Ours: UniEncKI.enc_m.trust, score_scale,
/// score_offset.
class Kuda final : public Model {
 public:
  /// Throws ConfigError when options contradict each other or no modality is present.
  Kuda(const KudaConfig& config, const DataShape& shape, const TextEncoder& text);
  /// Modalities that the batch lacks are left out of every sum (any non-empty subset of the model's).
  Output forward(const Batch& batch, Trace* trace) override;
  Losses loss(const Output& output, const Batch& batch) override;
  std::vector<ParameterGroup> parameter_groups() override;
  void begin_epoch(std::int64_t epoch, std::int64_t num_epochs) override;
  [[nodiscard]] bool is_padding_invariant() const override;
  [[nodiscard]] std::vector<FusionBlockTrace> fusion_blocks() const override { return fusion_->traced_blocks(); }
  [[nodiscard]] std::vector<std::string> notes() const override;
  /// The module of one modality, for loading stage 1 into it; empty when absent.
  Unimodal& unimodal(Modality modality) { return unimodal_[modality]; }

 private:
  void add_selection();
  /// Of the ratios and the decoders' scores; sets output.parts and adds them to `score` [B, 1], which may be undefined.
  torch::Tensor with_parts(torch::Tensor score, const ModalityTensors& ratio, const ModalityTensors& predictions,
                           Output& output);
  [[nodiscard]] torch::Tensor trust_loss(const Output& output, const Batch& batch) const;

  KudaConfig config_;
  DataShape shape_;
  PerModality<Unimodal> unimodal_{nullptr, nullptr, nullptr};
  Fusion fusion_{nullptr};
  torch::nn::Sequential output_;              ///< empty where the score is the mean alone
  torch::Tensor score_scale_, score_offset_;  ///< [1] each, of the mean weighted by the ratio; undefined without it
};

/// Stage 1 of one modality. State names as published: encoder.*, decoder.*. The label is `batch.label`
/// (the collator's target chooses the unimodal or the multimodal one).
class KudaUnimodal final : public Model {
 public:
  KudaUnimodal(Modality modality, const KudaConfig& config, const DataShape& target, const DataShape& source,
               const TextEncoder& text);
  Output forward(const Batch& batch, Trace* trace) override;
  /// Mean squared error, and where the ratio is predicted the trust head's error.
  Losses loss(const Output& output, const Batch& batch) override;
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
