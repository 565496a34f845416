#pragma once
// CubeMLP (Sun et al., ACM Multimedia 2022): modalities stacked into a cube that MLPs mix along its three axes.
//
//   auto model = find_model("cubemlp").make(config, shape, encoder);
//   const Output output = model->forward(batch, nullptr);     // score [B]

#include <array>
#include <string>
#include <vector>

#include "kuda/models/cubemlp/config.h"
#include "kuda/models/cubemlp/cube.h"
#include "kuda/models/model.h"
#include "kuda/nn/recurrent.h"
#include "kuda/tensor/linear.h"

namespace kuda::cubemlp {

/// State names as published: bertmodel, W_t, {rnn,conv}_{a,v}, ln_{a,v}, mlp_encoder.layers_stack, classifier.
class CubeMlp final : public Model {
 public:
  /// Throws ConfigError when options contradict each other or fewer than two modalities are in use.
  CubeMlp(const CubeMlpConfig& config, const DataShape& shape, const TextEncoder& text);
  Output forward(const Batch& batch, Trace* trace) override;
  Losses loss(const Output& output, const Batch& batch) override;
  std::vector<ParameterGroup> parameter_groups() override;  ///< text encoder, rest
  [[nodiscard]] bool ignores_padded_pieces() const override { return config_.mask_padding; }

 private:
  struct SequenceEncoder {
    std::string letter;  ///< "v" or "a"
    BidirectionalRnn rnn;
    torch::nn::Conv1d conv{nullptr};
    torch::nn::LayerNorm norm{nullptr};
  };
  SequenceEncoder sequence_encoder(const std::string& letter, std::int64_t input_width);
  /// Frames x [B, la, D] as channels [B, L, c]; padding [B, L] and lengths [B] are the text's.
  torch::Tensor encode(SequenceEncoder& encoder, const torch::Tensor& x, const torch::Tensor& padding,
                       const torch::Tensor& lengths, Trace* trace);

  CubeMlpConfig config_;
  PerModality<bool> present_;
  Bert bert_{nullptr};
  Linear text_{nullptr};
  SequenceEncoder vision_, audio_;
  std::vector<CubeBlock> blocks_;
  Linear classifier_{nullptr}, classifier_output_{nullptr};
};

/// score, label [B] -> scalar; kind as in CubeMlpConfig::loss.
[[nodiscard]] torch::Tensor score_error(CubeMlpConfig::Loss kind, const torch::Tensor& score,
                                        const torch::Tensor& label);

[[nodiscard]] ModelInfo info();

}  // namespace kuda::cubemlp
