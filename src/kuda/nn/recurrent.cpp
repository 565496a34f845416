#include "kuda/nn/recurrent.h"

namespace kuda {

torch::Tensor final_states(torch::nn::LSTM& lstm, const torch::Tensor& values, const torch::Tensor& lengths) {
  const auto packed = torch::nn::utils::rnn::pack_padded_sequence(values, lengths.cpu(), /*batch_first=*/true,
                                                                  /*enforce_sorted=*/false);
  return std::get<0>(std::get<1>(lstm->forward_with_packed_input(packed)));
}

}  // namespace kuda
