#pragma once
// What Self-MM and TETFN share: a fine-tuned BERT, four regression heads of one form, generated unimodal labels, the
// loss over them, and five optimiser groups. A derived model makes the inputs of the heads.

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "kuda/models/model.h"
#include "kuda/nn/unimodal_labels.h"
#include "kuda/tensor/linear.h"

namespace kuda {

/// Options both models have; the defaults are Self-MM's on CMU-MOSI.
struct MultitaskOptions {
  std::int64_t audio_hidden = 16, vision_hidden = 32;  ///< LSTM widths
  std::int64_t fusion_width = 128, text_width = 32, audio_width = 16, vision_width = 32;
  double dropout_fusion = 0, dropout_text = 0, dropout_audio = 0, dropout_vision = 0;
  bool finetune_text = true;
  double label_limit = 3;
  bool exclude_zero = true, keep_empty_centres = true;
  double own_labels = 0;  ///< weight of own_label_error (nn/own_labels.h); ours
  double lr_text = 5e-5, lr_audio = 5e-3, lr_vision = 5e-3, lr_other = 1e-3;
  double decay_text = 1e-3, decay_audio = 1e-3, decay_vision = 1e-3, decay_other = 1e-3;
  void describe_shared(Fields& fields);
};

class MultitaskModel : public Model {
 public:
  Losses loss(const Output& output, const Batch& batch) override;
  std::vector<ParameterGroup> parameter_groups() override;
  [[nodiscard]] bool is_saved(std::string_view name) const override;
  void begin_training(const TrainingFacts& facts) override;
  void begin_epoch(std::int64_t epoch, std::int64_t) override { epoch_ = epoch + 1; }
  void after_backward(const Output& output, const Batch& batch) override;
  [[nodiscard]] bool has_independent_batches() const override { return false; }  ///< labels and features of each clip
  UnimodalLabels& bank() { return bank_; }

 protected:
  /// Throws ConfigError unless all three modalities are present.
  MultitaskModel(const MultitaskOptions& options, const DataShape& shape, const TextEncoder& text, const char* name);
  /// input_widths by head, in the order of kLabelHeads.
  void add_heads(const std::array<std::int64_t, 4>& input_widths);
  /// BERT's last hidden states, [B, Lt, D].
  torch::Tensor encode_text(const Batch& batch);
  /// inputs [B, input_width] each -> the four scores; features are kept for after_backward.
  Output score(const PerHead& inputs, Trace* trace);

 private:
  struct Head {
    Linear layer1{nullptr}, layer2{nullptr}, layer3{nullptr};
    double dropout = 0;
  };

  MultitaskOptions options_;
  std::int64_t epoch_ = 1;  ///< from 1, as the published schedule of the labels counts
  Bert bert_{nullptr};
  std::array<Head, 4> heads_;
  UnimodalLabels bank_{nullptr};
};

/// What is true of both models: inputs, features, state and the published code (MMSA).
void describe_multitask(ModelInfo& info);

}  // namespace kuda
