#pragma once
// BERT from a local Hugging Face folder; state-dict names equal those of transformers' BertModel.
//
//   const BertConfig config = BertConfig::load("bert-base-uncased");
//   Bert bert(config);
//   load_bert_weights(*bert, "bert-base-uncased");
//   const auto hidden = bert->forward(ids, segments, padding);   // hidden[0..n], each [B, L, D]

#include <torch/torch.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "kuda/tensor/linear.h"
#include "kuda/tensor/positions.h"

namespace kuda {

struct BertConfig {
  std::int64_t vocab_size = 30522, hidden_size = 768, num_hidden_layers = 12, num_attention_heads = 12;
  std::int64_t intermediate_size = 3072, max_position_embeddings = 512, type_vocab_size = 2, pad_token_id = 0;
  double layer_norm_eps = 1e-12;
  double dropout = 0.1;  ///< one rate for hidden states and attention, as published
  /// From config.json (or bert_config.json) of a folder; null means the default. Throws FormatError (unreadable),
  /// DataError (not a BERT, or one that computes something else: a decoder, relative positions, another activation).
  static BertConfig load(const std::filesystem::path& folder);
  static BertConfig parse(const std::string& json, const std::string& source);
  [[nodiscard]] std::string to_json() const;  ///< Hugging Face layout; parse(to_json()) gives the same config
};

struct BertLayerImpl;

/// Devlin et al. 2019, post-norm with exact GELU.
class BertImpl : public torch::nn::Module, public SkipsPadding {
 public:
  explicit BertImpl(const BertConfig& config);
  /// ids, segments [B, L] int64 (segments may be undefined: all 0), padding [B, L] bool (true = padded)
  /// -> n + 1 tensors [B, L, D]: the embedding output, then the output of each layer.
  /// `attention`, if given, receives the softmax rows of each layer, [B, H, L, L].
  /// Throws ShapeError when L exceeds the position table or an id the vocabulary.
  std::vector<torch::Tensor> forward(const torch::Tensor& ids, const torch::Tensor& segments,
                                     const torch::Tensor& padding, std::vector<torch::Tensor>* attention = nullptr);
  /// The parts of forward(), for models that put something between layers: the embedding output, [B, L, D], with
  /// `added` [B, L, D], if given, in the sum before the norm, and positions that count from `first_position` ...
  torch::Tensor embed(const torch::Tensor& ids, const torch::Tensor& segments, const torch::Tensor& added = {},
                      std::int64_t first_position = 0);
  /// ... and one layer (0-based) on hidden [B, L, D].
  torch::Tensor run_layer(std::size_t index, const torch::Tensor& hidden, const torch::Tensor& padding);
  /// tanh(W h[:, 0] + b), [B, D]: in the published files, unused by KuDA.
  torch::Tensor pool(const torch::Tensor& hidden);
  [[nodiscard]] const BertConfig& config() const noexcept { return config_; }

 private:
  BertConfig config_;
  torch::nn::Embedding word_{nullptr}, position_{nullptr}, token_type_{nullptr};
  torch::nn::LayerNorm norm_{nullptr};
  Linear pooler_{nullptr};
  std::vector<std::shared_ptr<BertLayerImpl>> layers_;
};
TORCH_MODULE(Bert);

/// Weights from a folder's model.safetensors or pytorch_model.bin, whole or in parts with an index. What a wrapper put
/// before the names ("bert.", "module.bert.") is found by the word embeddings. Heads of other tasks are left out, which
/// the log says; position_ids are ignored, a missing pooler keeps its initial values.
/// Throws DataError naming the first differences with both shapes.
void load_bert_weights(BertImpl& bert, const std::filesystem::path& folder);

}  // namespace kuda
