#pragma once
// Layers whose weights come from memory for one row at a time, as in a decoder that says piece after piece. Most
// Whisper files hold float16: kept so, half the bytes have to come, and half the time goes by. Sums are made in float32
// of the exact values, so nothing is lost.
//
//   StepLinear layer(torch::nn::LinearOptions(384, 1536), Rows::few, torch::kFloat32);
//   prepare_for_scoring(*model, Precision::fp32);                       // takes float16 where that changes no weight
//   y = layer(x);

#include <torch/torch.h>

#include "kuda/tensor/linear.h"

namespace kuda {

/// Whether this processor multiplies float16 by float32 (x86 with AVX2, FMA and F16C).
[[nodiscard]] bool has_half_products();

/// x W^T + b: x [..., in] float32, weight [out, in] float16, bias [out] float32 or undefined -> [..., out] float32.
/// Reads the weight once for each row of x. Throws Error where has_half_products() is false.
[[nodiscard]] torch::Tensor half_product(const torch::Tensor& x, const torch::Tensor& weight,
                                         const torch::Tensor& bias);

/// The weight as float16 where it is that, or holds the same values and products of it can be made; else undefined.
[[nodiscard]] torch::Tensor exact_half(const torch::Tensor& weight);

enum class Rows { few, many };

/// A linear layer that knows how many rows it gets at a time: with many it is as any other. With few, and `type`
/// float16, it is made with such a weight, and computes once it is prepared.
class StepLinearImpl : public LinearImpl {
 public:
  StepLinearImpl(const torch::nn::LinearOptions& options, Rows rows, torch::ScalarType type);
  torch::Tensor forward(const torch::Tensor& x);
  void prepare(Precision precision) override;

 private:
  Rows rows_;
  torch::Tensor half_;
};
TORCH_MODULE(StepLinear);

/// The vectors of pieces [V, D], which are also what the states are compared with for the next piece. `type` as above.
class PieceTableImpl : public torch::nn::EmbeddingImpl, public HasPreparedWeight {
 public:
  PieceTableImpl(std::int64_t pieces, std::int64_t width, torch::ScalarType type);
  torch::Tensor forward(const torch::Tensor& ids);    ///< [L] int64 -> [L, D]
  torch::Tensor logits(const torch::Tensor& states);  ///< [D] -> [V]
  void prepare(Precision precision) override;

 private:
  torch::Tensor half_;
};
TORCH_MODULE(PieceTable);

}  // namespace kuda
