#pragma once
// The linear layer of every model, and the forms of its weight that score faster than the plain one.
//
//   Linear layer(768, 3072);                             // as torch::nn::Linear: names, initial values, numbers
//   load_state(*model, file);
//   prepare_for_scoring(*model, Precision::fp32);        // once; from here on the model only scores
//   const auto y = layer(x);

#include <torch/torch.h>

#include "kuda/tensor/precision.h"

namespace kuda {

/// A weight in another form, made once instead of in every product. No gradient passes.
class PreparedWeight {
 public:
  /// Takes over a weight [out, in] float32 with its bias [out] (or undefined) where this precision has a faster form of
  /// it; the plain weight is empty then, so that memory holds it once:
  ///   fp32, on the CPU: panels (panels.h), or oneDNN's blocks for weights that are large enough. Products differ by
  ///                     rounding.
  ///   bf16:             bfloat16; on the CPU with bf16 instructions oneDNN's blocks of it.
  ///   int8, on the CPU: symmetric, one scale an output; its inputs get one scale a product (so with more clips in a
  ///                     batch it can be a coarser one). Throws what LibTorch throws without an engine.
  /// Elsewhere it stays as it is. Does nothing the second time.
  void take(torch::Tensor& weight, const torch::Tensor& bias, Precision precision);
  [[nodiscard]] bool is_made() const noexcept { return form_ != Form::none; }
  /// x [..., in] -> x W^T + b, [..., out]; bfloat16 where the weight is, else float32.
  [[nodiscard]] torch::Tensor multiply(const torch::Tensor& x) const;
  /// That it holds beside what is left in the module.
  [[nodiscard]] double bytes() const noexcept { return bytes_; }

 private:
  enum class Form { none, shorter, blocked, panels, quantised };
  static Form form_for(const torch::Tensor& weight, Precision precision);
  Form form_ = Form::none;
  c10::IValue weight_;
  torch::Tensor bias_;
  torch::ScalarType input_type_ = torch::kFloat32;
  double bytes_ = 0;
};

/// A module with a weight that can be prepared.
class HasPreparedWeight {
 public:
  virtual ~HasPreparedWeight() = default;
  virtual void prepare(Precision precision) = 0;
  [[nodiscard]] const PreparedWeight& prepared() const noexcept { return prepared_; }

 protected:
  PreparedWeight prepared_;
};

/// torch::nn::Linear with a form for scoring. A layer of one output makes a score: it computes in float32 in every
/// precision, because bfloat16 would leave steps of 1/64 between 2 and 4.
class LinearImpl : public torch::nn::LinearImpl, public HasPreparedWeight {
 public:
  using torch::nn::LinearImpl::LinearImpl;
  torch::Tensor forward(const torch::Tensor& x);  ///< [..., in] -> [..., out]
  void prepare(Precision precision) override;
};
TORCH_MODULE(Linear);

/// Every weight of `module` that has a faster form. There is no way back: weights cannot be trained, saved or loaded
/// afterwards, and Model::train, state_of and load_state say so. The module must be where it is to stay (its device).
void prepare_for_scoring(torch::nn::Module& module, Precision precision);
/// True when any part of it (not the module itself) gave its plain weight away.
[[nodiscard]] bool is_prepared(const torch::nn::Module& module);
/// Of all prepared weights in its parts: what parameters() no longer counts.
[[nodiscard]] double prepared_bytes(const torch::nn::Module& module);

}  // namespace kuda
