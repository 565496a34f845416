#pragma once
// LSTMs and GRUs over sequences of unequal length. They compute in float32 in every precision: errors add up over the
// frames, and LibTorch has bfloat16 kernels of LSTMs on some processors only.

#include <torch/torch.h>

#include <array>
#include <cstdint>
#include <string>

namespace kuda {

/// Hidden states after each clip's last true frame: values [B, L, D], lengths [B] int64 within 1..L, `lstm` batch
/// first -> [layers * directions, B, H] in torch's order. Padding never enters.
[[nodiscard]] torch::Tensor final_states(torch::nn::LSTM& lstm, const torch::Tensor& values,
                                         const torch::Tensor& lengths);

enum class RnnKind { lstm, gru };
constexpr auto value_names(RnnKind) { return std::array{"lstm", "gru"}; }

struct RecurrentOutput {
  torch::Tensor sequence;  ///< [B, L, 2H], forward and backward halves; zeros at padding
  torch::Tensor final;     ///< [layers * 2, B, H] in torch's order: layer by layer, forward then backward
};

/// A bidirectional LSTM or GRU that becomes a child of its owner under torch's own names (weight_ih_l0, ...). The
/// recurrent weights of each layer and direction start orthogonal, as one [gates * H, H] matrix.
///   BidirectionalRnn rnn(*this, "rnn_a", RnnKind::gru, input_width, hidden_width, layers);
class BidirectionalRnn {
 public:
  BidirectionalRnn() = default;
  BidirectionalRnn(torch::nn::Module& owner, const std::string& name, RnnKind kind, std::int64_t input_width,
                   std::int64_t hidden_width, std::int64_t layers);
  /// x [B, L, D], lengths [B] int64 within 1..L, in any order. Padding never enters.
  RecurrentOutput forward(const torch::Tensor& x, const torch::Tensor& lengths);
  [[nodiscard]] bool is_empty() const { return lstm_.is_empty() && gru_.is_empty(); }

 private:
  torch::nn::LSTM lstm_{nullptr};
  torch::nn::GRU gru_{nullptr};
};

}  // namespace kuda
