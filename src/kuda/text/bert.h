#pragma once
// BERT from a local Hugging Face folder; state-dict names equal to transformers' BertModel.
//
//   const BertConfig config = BertConfig::load("bert-base-uncased");
//   Bert bert(config);
//   load_bert_weights(*bert, "bert-base-uncased");
//   const auto hidden = bert->forward(ids, padding, {});   // hidden[0..n], each [B, L, D]

#include <torch/torch.h>

#include <filesystem>
#include <string>
#include <vector>

namespace kuda {

struct BertConfig {
  std::int64_t vocab_size = 30522, hidden_size = 768, num_hidden_layers = 12, num_attention_heads = 12;
  std::int64_t intermediate_size = 3072, max_position_embeddings = 512, type_vocab_size = 2, pad_token_id = 0;
  double layer_norm_eps = 1e-12, dropout = 0.1;  ///< one rate for hidden and attention dropout, as published
  /// From config.json of a folder. Throws FormatError (unreadable), DataError (not a BERT, unsupported activation).
  static BertConfig load(const std::filesystem::path& folder);
  static BertConfig parse(const std::string& json, const std::string& source);
  [[nodiscard]] std::string to_json() const;  ///< Hugging Face layout; parse(to_json()) gives the same config
};

}  // namespace kuda
