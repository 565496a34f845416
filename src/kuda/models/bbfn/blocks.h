#pragma once
// The blocks of BBFN: sequence encoders, the gated cross-attention layer, and the pair of one modality with text.

#include <torch/torch.h>

#include <string>
#include <vector>

#include "kuda/models/bbfn/config.h"
#include "kuda/models/trace.h"
#include "kuda/nn/recurrent.h"
#include "kuda/tensor/linear.h"

namespace kuda::bbfn {

/// Positions of a batch, the same for all modalities of a clip.
struct Positions {
  torch::Tensor padding;  ///< [B, T] bool, true beyond the clip's n frames: attention
  torch::Tensor summed;   ///< [B, T] float, 1 where the separators sum (BERT's mask, as published)
  torch::Tensor lengths;  ///< [B] int64, n
};

/// One modality as a sequence [B, T, E] and a vector [B, E] (its mean, or an RNN's last states).
class Encoder {
 public:
  Encoder() = default;
  /// Its layers become children of `owner` under names that end in `letter` ("l", "a", "v").
  Encoder(torch::nn::Module& owner, const BbfnConfig& config, const std::string& letter, std::int64_t input_width,
          std::int64_t kernel);
  struct Result {
    torch::Tensor sequence, vector;
  };
  Result forward(const torch::Tensor& x, const Positions& positions);  ///< x [B, T, D]

 private:
  std::int64_t state_ = 0;  ///< RNN layer of the vector
  torch::nn::Conv1d conv_{nullptr};
  Linear linear_{nullptr}, to_sequence_{nullptr}, to_vector_{nullptr};
  torch::nn::LayerNorm norm_{nullptr};  ///< registered and unused with "linear", as published
  BidirectionalRnn rnn_;
};

/// x = a * sigmoid(W_att c) + x * sigmoid(W_mem c) with a = attention(LN0 x, LN0 kv, LN0 kv), then a feed-forward part
/// with its residual. The gates are the same for every frame.
class LayerImpl : public torch::nn::Module {
 public:
  explicit LayerImpl(const BbfnConfig& config);
  /// x, source [B, T, E], control [B, 2E], padding [B, T] bool -> [B, T, E]
  torch::Tensor forward(const torch::Tensor& x, const torch::Tensor& source, const torch::Tensor& control,
                        const torch::Tensor& padding);

 private:
  torch::Tensor attention(const torch::Tensor& query, const torch::Tensor& source, const torch::Tensor& padding);
  std::int64_t heads_;
  double dropout_attention_, dropout_relu_, dropout_residual_;
  torch::Tensor in_proj_weight_, in_proj_bias_;  ///< [3E, E], [3E]: query, key, value
  Linear out_proj_{nullptr}, memory_{nullptr}, attended_{nullptr}, fc1_{nullptr}, fc2_{nullptr};
  torch::nn::LayerNorm norm0_{nullptr}, norm1_{nullptr};
};
TORCH_MODULE(Layer);

/// Text and one other modality through all layers.
class PairImpl : public torch::nn::Module {
 public:
  explicit PairImpl(const BbfnConfig& config);
  struct Result {
    torch::Tensor text, other;           ///< [B, T, E]
    std::vector<torch::Tensor> guesses;  ///< per layer [2B]: text's, then the other's logit of being the other
  };
  /// `name` ("la", "lv") stands in front of what is kept in the trace.
  Result forward(const Encoder::Result& text, const Encoder::Result& other, const Positions& positions,
                 const std::string& name, Trace* trace);

 private:
  struct Separator {
    Linear text{nullptr}, other{nullptr};  ///< first layer
    BidirectionalRnn text_rnn, other_rnn;  ///< the others
    Linear hidden{nullptr}, output{nullptr};
  };
  std::vector<Separator> separators_;
  std::vector<Layer> to_text_, to_other_;
};
TORCH_MODULE(Pair);

}  // namespace kuda::bbfn
