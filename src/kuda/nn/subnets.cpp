#include "kuda/nn/subnets.h"

#include <fmt/format.h>

#include "kuda/base/error.h"
#include "kuda/tensor/dropout.h"

namespace kuda {

using torch::Tensor;
namespace nn = torch::nn;

FeatureSubnetImpl::FeatureSubnetImpl(std::int64_t input_width, std::int64_t hidden_width, double dropout)
    : dropout_(dropout) {
  norm_ = register_module("norm", nn::BatchNorm1d(input_width));
  linear_1_ = register_module("linear_1", Linear(input_width, hidden_width));
  linear_2_ = register_module("linear_2", Linear(hidden_width, hidden_width));
  linear_3_ = register_module("linear_3", Linear(hidden_width, hidden_width));
}

Tensor FeatureSubnetImpl::forward(const Tensor& x, Tensor* normalised) {
  if (x.size(1) != norm_->options.num_features())
    throw ShapeError(
        fmt::format("{} features per frame, but the model was built for {}", x.size(1), norm_->options.num_features()),
        "the features come from another extractor or data set than the model's");
  const bool is_alone = is_training() && x.size(0) == 1;
  const auto y = is_alone ? torch::batch_norm(x, norm_->weight, norm_->bias, norm_->running_mean, norm_->running_var,
                                              false, 0, norm_->options.eps(), false)
                          : norm_(x);  // [B, D]
  if (normalised != nullptr) *normalised = y;
  const auto first = torch::relu(linear_1_(hash_dropout(y, dropout_, is_training())));
  return torch::relu(linear_3_(torch::relu(linear_2_(first))));  // [B, H]
}

TextSubnetImpl::TextSubnetImpl(std::int64_t input_width, std::int64_t hidden_width, std::int64_t output_width,
                               double dropout)
    : dropout_(dropout) {
  rnn_ = register_module("rnn", nn::LSTM(nn::LSTMOptions(input_width, hidden_width).batch_first(true)));
  linear_1_ = register_module("linear_1", Linear(hidden_width, output_width));
}

Tensor TextSubnetImpl::forward(const Tensor& x, const Tensor& lengths, Tensor* state) {
  const auto hidden = [&] {  // [B, L, H]
    const InFloat32 exact;   // as in recurrent.h
    return std::get<0>(rnn_(as_float32(x)));
  }();
  const auto at = lengths.defined() ? (lengths - 1).view({-1, 1, 1}).expand({-1, 1, hidden.size(2)}) : Tensor();
  const auto last = at.defined() ? hidden.gather(1, at).squeeze(1) : hidden.select(1, -1);  // [B, H]
  if (state != nullptr) *state = last;
  return linear_1_(hash_dropout(last, dropout_, is_training()));
}

}  // namespace kuda
