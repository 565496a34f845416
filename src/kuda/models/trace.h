#pragma once
// Named intermediates of a forward pass, for golden checks and explanations.
//
//   Trace trace;
//   model->forward(batch, &trace);
//   trace.at("block0/attn/T");        // [B, H, Lq, Lk]

#include <torch/torch.h>

#include <map>
#include <string>

#include "kuda/data/modality.h"
#include "kuda/tensor/precision.h"

namespace kuda {

class Trace {
 public:
  /// What is of a shorter type is kept as float32.
  void keep(const std::string& name, const torch::Tensor& value) { tensors_[name] = as_float32(value); }
  [[nodiscard]] bool has(const std::string& name) const { return tensors_.contains(name); }
  [[nodiscard]] const torch::Tensor& at(const std::string& name) const { return tensors_.at(name); }
  [[nodiscard]] const std::map<std::string, torch::Tensor>& all() const noexcept { return tensors_; }

 private:
  std::map<std::string, torch::Tensor> tensors_;
};

/// Names in a trace of what a fusion block takes from the modalities, for each modality. A name is missing from the
/// trace where the modality is missing from the model or from the batch.
struct FusionBlockTrace {
  PerModality<std::string> weighed;    ///< [B, L, D]: what enters the block's sum
  PerModality<std::string> attention;  ///< [B, H, L, L]: of the fused positions (rows) to those of the modality
};

}  // namespace kuda
