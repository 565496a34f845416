#include "kuda/nn/recurrent.h"

#include <tuple>

#include "kuda/tensor/precision.h"

namespace kuda {

torch::Tensor final_states(torch::nn::LSTM& lstm, const torch::Tensor& values, const torch::Tensor& lengths) {
  const InFloat32 exact;
  const auto packed = torch::nn::utils::rnn::pack_padded_sequence(as_float32(values), lengths.cpu(),
                                                                  /*batch_first=*/true, /*enforce_sorted=*/false);
  return std::get<0>(std::get<1>(lstm->forward_with_packed_input(packed)));
}

BidirectionalRnn::BidirectionalRnn(torch::nn::Module& owner, const std::string& name, RnnKind kind,
                                   std::int64_t input_width, std::int64_t hidden_width, std::int64_t layers) {
  const auto start = [](torch::nn::Module& rnn) {
    for (auto& item : rnn.named_parameters())
      if (item.key().starts_with("weight_hh")) torch::nn::init::orthogonal_(item.value());
  };
  if (kind == RnnKind::lstm) {
    lstm_ = owner.register_module(name, torch::nn::LSTM(torch::nn::LSTMOptions(input_width, hidden_width)
                                                            .num_layers(layers)
                                                            .bidirectional(true)
                                                            .batch_first(true)));
    start(*lstm_);
  } else {
    gru_ = owner.register_module(
        name,
        torch::nn::GRU(
            torch::nn::GRUOptions(input_width, hidden_width).num_layers(layers).bidirectional(true).batch_first(true)));
    start(*gru_);
  }
}

RecurrentOutput BidirectionalRnn::forward(const torch::Tensor& x, const torch::Tensor& lengths) {
  const InFloat32 exact;
  const auto packed = torch::nn::utils::rnn::pack_padded_sequence(as_float32(x), lengths.cpu(), /*batch_first=*/true,
                                                                  /*enforce_sorted=*/false);
  const auto unpack = [&](const torch::nn::utils::rnn::PackedSequence& states) {
    return std::get<0>(
        torch::nn::utils::rnn::pad_packed_sequence(states, /*batch_first=*/true, /*padding_value=*/0.0, x.size(1)));
  };
  if (gru_.is_empty()) {
    const auto [states, last] = lstm_->forward_with_packed_input(packed);
    return {unpack(states), std::get<0>(last)};
  }
  const auto [states, last] = gru_->forward_with_packed_input(packed);
  return {unpack(states), last};
}

}  // namespace kuda
