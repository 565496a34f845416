#pragma once
// LSTMs over sequences of unequal length.

#include <torch/torch.h>

namespace kuda {

/// Hidden states after each clip's last true frame: values [B, L, D], lengths [B] int64 within 1..L, `lstm` batch
/// first -> [layers * directions, B, H] in torch's order. Padding never enters.
[[nodiscard]] torch::Tensor final_states(torch::nn::LSTM& lstm, const torch::Tensor& values,
                                         const torch::Tensor& lengths);

}  // namespace kuda
