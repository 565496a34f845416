#pragma once
// TMBL (Huang et al., Knowledge-Based Systems 2024): private and shared ("bound") transformers over utterance vectors.
//
//   auto model = find_model("tmbl").make(config, shape, encoder);
//   const Output output = model->forward(batch, nullptr);     // score [B]

#include <array>
#include <string>
#include <vector>

#include "kuda/models/model.h"
#include "kuda/models/tmbl/config.h"
#include "kuda/models/tmbl/transformer.h"
#include "kuda/nn/recurrent.h"
#include "kuda/tensor/linear.h"

namespace kuda::tmbl {

/// By modality in the order text, vision, audio; the two tokens of a clip lie along one of the first two axes.
using Streams = std::array<torch::Tensor, 3>;

/// Mean over the three pairs of shared streams of (1 - mean cosine over the last axis).
[[nodiscard]] torch::Tensor similarity_loss(const Streams& shared);
/// As published, streams [2, B, H]: sum over (private, shared) of each modality and the three pairs of private ones of
///   D(X, Y) = 4 |u_X|^2 |u_Y|^2 / (B H)^2,  u = r / (|r| + 1e-6),  r = (row 0 - row 1) / 2,  |r| without gradient,
/// the closed form of the mean squared entry of a [B H, B H] matrix. It is at most 4 / (B H)^2: it does nothing.
[[nodiscard]] torch::Tensor reference_difference_loss(const Streams& of_private, const Streams& shared);
/// The same pairs, each the mean squared entry of X^T Y for X, Y [B, 2H], centred over the batch, rows of length 1.
[[nodiscard]] torch::Tensor difference_loss(const Streams& of_private, const Streams& shared);

/// State names as published, without the tensors that no loss reaches.
class Tmbl final : public Model {
 public:
  /// Throws ConfigError when options contradict each other or a modality is missing.
  Tmbl(const TmblConfig& config, const DataShape& shape, const TextEncoder& text);
  Output forward(const Batch& batch, Trace* trace) override;  ///< terms "similarity", "difference"
  Losses loss(const Output& output, const Batch& batch) override;
  [[nodiscard]] bool ignores_padded_pieces() const override { return true; }

 private:
  struct Utterance {
    BidirectionalRnn first, second;
    torch::nn::LayerNorm norm{nullptr};
  };
  struct Projection {
    Linear linear{nullptr};
    torch::nn::LayerNorm norm{nullptr};
  };
  Utterance utterance(const std::string& letter, std::int64_t input_width);
  torch::Tensor read(Utterance& encoder, const Sequence& sequence, const torch::Tensor& text_padding);
  Streams private_streams(const Streams& features, Trace* trace);
  Streams shared_streams(const Streams& features, Trace* trace);
  [[nodiscard]] std::int64_t token_axis() const { return config_.is_reference() ? 0 : 1; }  ///< of the two tokens

  TmblConfig config_;
  Bert bert_{nullptr};
  Utterance vision_, audio_;
  std::array<Projection, 3> projections_;
  std::array<Linear, 3> private_output_{nullptr, nullptr, nullptr};
  Transformer private_audio_{nullptr}, private_vision_{nullptr}, private_text_{nullptr}, shared_{nullptr};
  torch::nn::Conv1d fusion1_{nullptr}, fusion2_{nullptr}, fusion3_{nullptr};
  torch::Tensor class_token_, positions_;  ///< [N, 1, H], [N, 14, H]; N = 1 in mode sound
};

[[nodiscard]] ModelInfo info();

}  // namespace kuda::tmbl
